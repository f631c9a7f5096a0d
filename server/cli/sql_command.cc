#include <boost/json.hpp>
#include <string>

#include "server/cli/answers.h"
#include "server/cli/commands.h"
#include "server/cli/json.h"
#include "server/cli/parameters.h"
#include "server/cli/sql_view.h"

namespace signalbox::server::cli {
namespace {

ExitCode list_views(const Context& context) {
  const auto source = context.open();
  const Answer answer = ask(*source, {.path = "/api/v1/sql/tables", .parameters = {}});
  return print(context, answer, items(answer.json, "tables"), "view",
               [&] { return sql_tables_view(answer.json, context.style); });
}

}  // namespace

ExitCode run_command(const config::RunSql& command, const Context& context) {
  if (command.statement.empty() && command.file.empty()) return list_views(context);
  boost::json::object request;
  request["sql"] = command.file.empty() ? command.statement : read_file(command.file);
  if (context.client.selection.limit != 0) request["limit"] = context.client.selection.limit;
  const auto source = context.open();
  const Answer answer = ask(
      *source, {.path = "/api/v1/sql", .parameters = {}, .body = boost::json::serialize(request)});
  if (context.client.output.json) {
    context.streams.out << answer.text << '\n';
  } else if (context.client.output.csv) {
    context.streams.out << sql_csv(answer.json);
  } else {
    context.streams.out << sql_view(answer.json, context.style);
  }
  const std::size_t rows = items(answer.json, "rows").size();
  if (boolean(answer.json, "truncated")) {
    context.streams.error << "signalbox: there are more rows than these " << rows
                          << "; --limit (10000 at most) shows more\n";
  }
  return rows == 0 ? ExitCode::kNothing : ExitCode::kFound;
}

}  // namespace signalbox::server::cli
