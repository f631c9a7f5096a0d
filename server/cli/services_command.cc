#include <string>
#include <utility>

#include "server/cli/answers.h"
#include "server/cli/commands.h"
#include "server/cli/json.h"
#include "server/cli/parameters.h"
#include "server/cli/services_view.h"
#include "server/cli/text.h"
#include "server/cli/times.h"

namespace signalbox::server::cli {
namespace {

ExitCode show_service(const std::string& name, const Parameters& parameters,
                      const Context& context) {
  const auto source = context.open();
  const auto answer = find(*source, {.path = "/api/v1/service", .parameters = parameters});
  if (answer == nullptr) return nothing(context, "service '" + printable(name) + "'");
  return print(context, *answer, items(answer->json, "operations"),
               "request to '" + printable(name) + "'", [&] {
                 const Answer versions =
                     ask(*source, {.path = "/api/v1/service/versions", .parameters = parameters});
                 const std::string table = versions_view(versions.json, context.style);
                 return operations_view(answer->json, context.style) +
                        (table.empty() ? "" : "\n" + table);
               });
}

}  // namespace

ExitCode run_command(const config::ListServices& command, const Context& context) {
  Parameters parameters;
  if (!command.name.empty()) parameters.emplace_back("name", command.name);
  add_range(parameters, context.client.selection.times);
  if (!command.apdex.empty()) parameters.emplace_back("apdex", command.apdex);
  if (!command.name.empty()) return show_service(command.name, parameters, context);
  const auto source = context.open();
  const Answer answer =
      ask(*source, {.path = "/api/v1/services", .parameters = std::move(parameters)});
  return print(context, answer, items(answer.json, "services"), "service",
               [&] { return services_view(answer.json, now(), context.style); });
}

}  // namespace signalbox::server::cli
