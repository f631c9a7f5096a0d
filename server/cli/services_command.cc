#include <boost/json.hpp>
#include <initializer_list>
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

/// The tables that there are, with an empty line between them.
std::string below_one_another(std::initializer_list<std::string> tables) {
  std::string text;
  for (const std::string& table : tables) {
    if (!table.empty()) text += (text.empty() ? "" : "\n") + table;
  }
  return text;
}

ExitCode show_service(const std::string& name, const Parameters& parameters,
                      const Parameters& with_apdex, const Context& context) {
  const auto source = context.open();
  const auto answer = find(*source, {.path = "/api/v1/service", .parameters = with_apdex});
  if (answer == nullptr) return nothing(context, "service '" + printable(name) + "'");
  return print(context, *answer, items(answer->json, "operations"),
               "request to '" + printable(name) + "'", [&] {
                 const Answer calls =
                     ask(*source, {.path = "/api/v1/service/calls", .parameters = parameters});
                 const Answer versions =
                     ask(*source, {.path = "/api/v1/service/versions", .parameters = with_apdex});
                 return below_one_another({operations_view(answer->json, context.style),
                                           calls_view(calls.json, context.style),
                                           versions_view(versions.json, context.style)});
               });
}

ExitCode show_calls(const std::string& name, Parameters parameters, const Context& context) {
  const Answer answer =
      ask(*context.open(), {.path = "/api/v1/service/calls", .parameters = std::move(parameters)});
  boost::json::array found = items(answer.json, "calls");
  for (const boost::json::value& caller : items(answer.json, "callers")) found.push_back(caller);
  return print(context, answer, found, "call of or to '" + printable(name) + "'",
               [&] { return calls_view(answer.json, context.style); });
}

ExitCode show_versions(const std::string& name, Parameters parameters, const Context& context) {
  const Answer answer = ask(
      *context.open(), {.path = "/api/v1/service/versions", .parameters = std::move(parameters)});
  return print(context, answer, items(answer.json, "versions"), "span of '" + printable(name) + "'",
               [&] {
                 const std::string table = versions_view(answer.json, context.style);
                 return table.empty() ? "It sends no service.version.\n" : table;
               });
}

ExitCode show_graph(Parameters parameters, const Context& context) {
  const Answer answer =
      ask(*context.open(), {.path = "/api/v1/service_graph", .parameters = std::move(parameters)});
  return print(context, answer, items(answer.json, "edges"), "call from service to service",
               [&] { return graph_view(answer.json, context.style); });
}

}  // namespace

ExitCode run_command(const config::ListServices& command, const Context& context) {
  if ((command.calls || command.versions) && command.name.empty()) {
    throw Failure(ExitCode::kUsage, "whose? Give the service's name: signalbox services NAME …");
  }
  Parameters parameters;
  if (!command.name.empty()) parameters.emplace_back("name", command.name);
  add_range(parameters, context.client.selection.times);
  if (command.graph) return show_graph(std::move(parameters), context);
  if (command.calls) return show_calls(command.name, std::move(parameters), context);
  Parameters with_apdex = parameters;
  if (!command.apdex.empty()) with_apdex.emplace_back("apdex", command.apdex);
  if (command.versions) return show_versions(command.name, std::move(with_apdex), context);
  if (!command.name.empty()) return show_service(command.name, parameters, with_apdex, context);
  const Answer answer =
      ask(*context.open(), {.path = "/api/v1/services", .parameters = std::move(with_apdex)});
  return print(context, answer, items(answer.json, "services"), "service",
               [&] { return services_view(answer.json, now(), context.style); });
}

}  // namespace signalbox::server::cli
