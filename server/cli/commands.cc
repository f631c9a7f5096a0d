#include "server/cli/commands.h"

#include <algorithm>
#include <boost/json.hpp>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "server/cli/answers.h"
#include "server/cli/json.h"
#include "server/cli/parameters.h"
#include "server/cli/text.h"
#include "server/cli/times.h"
#include "server/cli/trace_tree.h"
#include "server/cli/views.h"
#include "server/cli/waterfall.h"

namespace signalbox::server::cli {
namespace {

constexpr std::uint32_t kMostInPage = 1000;  // Of the API.
constexpr std::size_t kMostMessages = 100;   // Of one request.
constexpr std::uint32_t kUsualTraces = 20;
constexpr std::uint32_t kUsualLogs = 100;

std::string severity_number(const std::string& name) {
  static const std::map<std::string, std::string> numbers = {{"trace", "1"},  {"debug", "5"},
                                                             {"info", "9"},   {"warn", "13"},
                                                             {"error", "17"}, {"fatal", "21"}};
  return numbers.at(name);
}

/// Log records by their span.
std::map<std::string, std::vector<const boost::json::value*>> by_span(const Answer& answer) {
  std::map<std::string, std::vector<const boost::json::value*>> logs;
  for (const boost::json::value& record : items(answer.json, "logs")) {
    logs[text(record, "span_id")].push_back(&record);
  }
  return logs;
}

Answer logs_of_trace(Source& source, const std::string& trace_id) {
  return ask(source, {.path = "/api/v1/logs",
                      .parameters = {{"trace_id", trace_id},
                                     {"limit", std::to_string(kMostInPage)},
                                     {"order", "oldest"},
                                     {"include", "rows"}}});
}

/// Why the first spans failed that did.
void add_messages(Source& source, const std::string& path, TraceTree& tree) {
  Parameters parameters;
  for (const SpanNode& node : tree.nodes()) {
    if (node.has_error && parameters.size() < kMostMessages) {
      parameters.emplace_back("span_id", node.span_id);
    }
  }
  if (parameters.empty()) return;
  tree.add_messages(
      ask(source, {.path = path + "/spans", .parameters = std::move(parameters)}).json);
}

/// Further pages of log records, until there are `limit`.
boost::json::array with_further_pages(Source& source, const ApiRequest& request,
                                      const Answer& first, std::size_t limit, bool& has_more) {
  boost::json::array records = items(first.json, "logs");
  std::string cursor = text(first.json, "next_cursor");
  while (!cursor.empty() && records.size() < limit) {
    ApiRequest next = request;
    next.parameters.emplace_back("cursor", cursor);
    const Answer page = ask(source, next);
    const boost::json::array& more = items(page.json, "logs");
    if (more.empty()) break;
    records.insert(records.end(), more.begin(), more.end());
    cursor = text(page.json, "next_cursor");
  }
  has_more = !cursor.empty() || records.size() > limit;
  if (records.size() > limit) records.resize(limit);
  return records;
}

ExitCode list_patterns(const Context& context) {
  constexpr std::uint32_t kUsualPatterns = 20;
  const std::uint32_t limit = context.client.selection.limit;
  if (limit > kMostInPage) {
    throw Failure(ExitCode::kUsage,
                  "--limit of patterns is at most " + std::to_string(kMostInPage));
  }
  Parameters parameters = selection_of(context.client.selection);
  parameters.emplace_back("limit", std::to_string(limit == 0 ? kUsualPatterns : limit));
  const auto source = context.open();
  const Answer answer =
      ask(*source, {.path = "/api/v1/logs/patterns", .parameters = std::move(parameters)});
  const ExitCode code =
      print(context, answer, items(answer.json, "patterns"), "log record that matches",
            [&] { return log_patterns_view(answer.json, now(), context.style); });
  const auto patterns = static_cast<std::size_t>(number(answer.json, "pattern_count", 0));
  if (!context.client.output.json && patterns > items(answer.json, "patterns").size()) {
    say_that_there_are_more(context, items(answer.json, "patterns").size(), "patterns");
  }
  return code;
}

/// Each record, the oldest first, among those of its instance; with --json an answer of the API
/// for each, on a line of its own.
ExitCode show_in_context(const Context& context, Source& source, const Answer& found,
                         std::uint32_t count) {
  const boost::json::array& records = items(found.json, "logs");
  if (records.empty()) return nothing(context, "log record that matches");
  const bool as_json = context.client.output.json;
  for (auto at = records.rbegin(); at != records.rend(); ++at) {
    const Answer answer = ask(source, {.path = "/api/v1/logs/" + text(*at, "id") + "/context",
                                       .parameters = {{"time", text(*at, "time")},
                                                      {"before", std::to_string(count)},
                                                      {"after", std::to_string(count)}}});
    if (as_json) {
      context.streams.out << answer.text << '\n';
      continue;
    }
    if (at != records.rbegin()) context.streams.out << "--\n";
    context.streams.out << log_context_view(answer.json, now(), context.style);
  }
  if (!as_json && !text(found.json, "next_cursor").empty()) {
    say_that_there_are_more(context, records.size(), "of the newest log records");
  }
  return ExitCode::kFound;
}

/// With --json there is one answer, and so one page.
void check_json_limit(const Context& context) {
  if (!context.client.output.json || context.client.selection.limit <= kMostInPage) return;
  throw Failure(ExitCode::kUsage, "--json prints one answer of the API, which has " +
                                      std::to_string(kMostInPage) +
                                      " records at most; give a smaller --limit");
}

ExitCode list_metrics(const Context& context) {
  if (!context.client.selection.filter.empty()) {
    throw Failure(ExitCode::kUsage,
                  "--filter is for the points of one metric: signalbox metrics NAME --filter …");
  }
  const auto source = context.open();
  const Answer answer = ask(
      *source, {.path = "/api/v1/metrics", .parameters = selection_of(context.client.selection)});
  return print(context, answer, items(answer.json, "metrics"), "metric",
               [&] { return metrics_view(answer.json, now(), context.style); });
}

}  // namespace

ExitCode run_command(const config::SearchTraces& command, const Context& context) {
  const auto source = context.open();
  Parameters parameters = selection_of(context.client.selection);
  const std::uint32_t limit = context.client.selection.limit;
  if (limit > kMostInPage) {
    throw Failure(ExitCode::kUsage, "--limit of traces is at most " + std::to_string(kMostInPage));
  }
  parameters.emplace_back("limit", std::to_string(limit == 0 ? kUsualTraces : limit));
  parameters.emplace_back("order", command.order);
  if (!command.structure.empty()) parameters.emplace_back("structure", command.structure);
  parameters.emplace_back("include", "rows");
  const Answer answer =
      ask(*source, {.path = "/api/v1/traces", .parameters = std::move(parameters)});
  const ExitCode code = print(context, answer, items(answer.json, "traces"), "trace",
                              [&] { return traces_view(answer.json, now(), context.style); });
  if (!context.client.output.json && !text(answer.json, "next_cursor").empty()) {
    say_that_there_are_more(context, items(answer.json, "traces").size(), "traces");
  }
  return code;
}

ExitCode run_command(const config::ShowTrace& command, const Context& context) {
  const std::string trace_id = trace_id_of(command.trace_id);
  const auto source = context.open();
  const std::string path = "/api/v1/traces/" + trace_id;
  const bool as_json = context.client.output.json;
  const auto answer =
      find(*source, {.path = path + (as_json ? "" : "/skeleton"), .parameters = {}});
  if (answer == nullptr) {
    context.streams.error << "signalbox: there is no trace " << trace_id
                          << "; it may not have arrived yet, or be older than what is kept\n";
    return ExitCode::kNothing;
  }
  if (as_json) {
    context.streams.out << answer->text << '\n';
    return ExitCode::kFound;
  }
  TraceTree tree(answer->json);
  add_messages(*source, path, tree);
  WaterfallOptions options{.all = command.all};
  Answer logs;
  if (command.with_logs) {
    logs = logs_of_trace(*source, trace_id);
    options.logs = by_span(logs);
  }
  context.streams.out << waterfall(tree, options, context.style);
  if (boolean(answer->json, "truncated")) {
    context.streams.error << "signalbox: the trace has more spans than the API returns; the first "
                          << tree.nodes().size() << " are shown\n";
  }
  if (!text(logs.json, "next_cursor").empty()) {
    context.streams.error << "signalbox: the first " << kMostInPage
                          << " log lines are shown; signalbox logs --trace " << trace_id
                          << " --limit 10000 has more\n";
  }
  return ExitCode::kFound;
}

ExitCode run_command(const config::SearchLogs& command, const Context& context) {
  if (command.patterns) return list_patterns(context);
  check_json_limit(context);
  const config::Selection& selection = context.client.selection;
  ApiRequest request{.path = "/api/v1/logs", .parameters = {}};
  const bool has_times = !selection.times.since.empty() || !selection.times.from.empty() ||
                         !selection.times.to.empty();
  if (command.trace_id.empty() || has_times) {
    request.parameters = selection_of(selection);
  } else {
    // Without a range the API takes that of the trace.
    if (!selection.filter.empty()) request.parameters.emplace_back("q", selection.filter);
    if (selection.service) request.parameters.emplace_back("service", *selection.service);
  }
  if (!command.trace_id.empty()) {
    request.parameters.emplace_back("trace_id", trace_id_of(command.trace_id));
  }
  if (!command.severity.empty()) {
    request.parameters.emplace_back("severity_min", severity_number(command.severity));
  }
  const std::uint32_t limit = selection.limit == 0 ? kUsualLogs : selection.limit;
  request.parameters.emplace_back("limit", std::to_string(std::min(limit, kMostInPage)));
  request.parameters.emplace_back("include", "rows");
  const auto source = context.open();
  const Answer answer = ask(*source, request);
  if (command.context > 0) return show_in_context(context, *source, answer, command.context);
  bool has_more = false;
  const ExitCode code =
      print(context, answer, items(answer.json, "logs"), "log record that matches", [&] {
        return logs_view(with_further_pages(*source, request, answer, limit, has_more), now(),
                         context.style);
      });
  if (has_more) say_that_there_are_more(context, limit, "of the newest log records");
  return code;
}

ExitCode run_command(const config::ShowMetrics& command, const Context& context) {
  if (command.name.empty()) return list_metrics(context);
  ApiRequest request{.path = "/api/v1/metrics/query", .parameters = {{"name", command.name}}};
  add_range(request.parameters, context.client.selection.times);
  const std::string filter = filter_with_service(context.client.selection);
  if (!filter.empty()) request.parameters.emplace_back("q", filter);
  if (!command.type.empty()) request.parameters.emplace_back("type", command.type);
  for (const std::string& field : command.group_by) {
    request.parameters.emplace_back("group_by", field);
  }
  for (const std::string& aggregation : command.aggregations) {
    request.parameters.emplace_back("aggregation", aggregation);
  }
  if (!command.step.empty()) {
    request.parameters.emplace_back("step", step_ns(command.step));
  }
  const auto source = context.open();
  const auto answer = find(*source, request);
  if (answer == nullptr) return nothing(context, "metric '" + printable(command.name) + "'");
  return print(context, *answer, items(answer->json, "series"),
               "point of '" + printable(command.name) + "' that matches",
               [&] { return metric_view(answer->json, context.style); });
}

ExitCode run_command(const config::Version& command, const Context& context) {
  boost::json::object versions{{"program", command.program}};
  std::string line = "signalbox " + command.program + "\n";
  ExitCode code = ExitCode::kFound;
  try {
    const Answer status = ask(*context.open(), {.path = "/api/v1/status", .parameters = {}});
    versions["server"] = text(status.json, "version");
    const auto& folder = context.client.connection.data_folder;
    line += folder.empty() ? "server " + printable(text(status.json, "version")) + " at " +
                                 printable(context.client.connection.server) + "\n"
                           : "folder " + printable(folder.string()) + "\n";
  } catch (const Failure& failure) {
    versions["server"] = nullptr;
    line += std::string("no server: ") + failure.what() + "\n";
    // Who names none asks for the program's version.
    if (context.client.connection.server != config::Connection().server) code = failure.code();
  }
  context.streams.out << (context.client.output.json ? boost::json::serialize(versions) + "\n"
                                                     : line);
  return code;
}

}  // namespace signalbox::server::cli
