#include <string>
#include <utility>

#include "server/cli/answers.h"
#include "server/cli/commands.h"
#include "server/cli/errors_view.h"
#include "server/cli/json.h"
#include "server/cli/parameters.h"
#include "server/cli/times.h"

namespace signalbox::server::cli {
namespace {

constexpr std::uint32_t kMostInPage = 1000;  // Of the API.
constexpr std::uint32_t kUsualGroups = 20;

}  // namespace

ExitCode run_command(const config::ListErrors& command, const Context& context) {
  const config::Selection& selection = context.client.selection;
  if (selection.limit > kMostInPage) {
    throw Failure(ExitCode::kUsage, "--limit of errors is at most " + std::to_string(kMostInPage));
  }
  Parameters parameters = selection_of(selection);
  if (!command.contains.empty()) parameters.emplace_back("contains", command.contains);
  parameters.emplace_back("signal", command.signal);
  parameters.emplace_back("order", command.order);
  parameters.emplace_back("limit",
                          std::to_string(selection.limit == 0 ? kUsualGroups : selection.limit));
  const Answer answer =
      ask(*context.open(), {.path = "/api/v1/errors", .parameters = std::move(parameters)});
  const ExitCode code = print(context, answer, items(answer.json, "errors"), "error",
                              [&] { return errors_view(answer.json, now(), context.style); });
  if (!context.client.output.json && !text(answer.json, "next_cursor").empty()) {
    say_that_there_are_more(context, items(answer.json, "errors").size(), "groups");
  }
  return code;
}

}  // namespace signalbox::server::cli
