#include <boost/json.hpp>
#include <string>
#include <string_view>

#include "server/cli/answers.h"
#include "server/cli/commands.h"
#include "server/cli/json.h"
#include "server/cli/parameters.h"
#include "server/cli/query_view.h"
#include "server/cli/times.h"

namespace signalbox::server::cli {
namespace {

constexpr std::uint32_t kUsualGroups = 20;
constexpr std::string_view kQueryName = "query";

/// "p99:duration" as the API wants it; the field may have colons of its own.
boost::json::object aggregation_of(const std::string& typed) {
  const std::size_t colon = typed.find(':');
  boost::json::object aggregation{{"op", typed.substr(0, colon)}};
  if (colon != std::string::npos) aggregation["field"] = typed.substr(colon + 1);
  return aggregation;
}

boost::json::array aggregations_of(const config::RunQuery& command) {
  boost::json::array all;
  for (const std::string& typed : command.aggregations) all.push_back(aggregation_of(typed));
  if (!all.empty()) return all;
  if (command.signal == "metrics") {
    throw Failure(
        ExitCode::kUsage,
        "say with --agg what of the metric: rate, increase, avg, p99, last, sum, min, max");
  }
  return {{{"op", "count"}}};
}

std::string request_of(const config::RunQuery& command, const config::Selection& selection) {
  if (command.signal.empty()) {
    throw Failure(ExitCode::kUsage,
                  "say of what: signalbox query traces|logs|metrics …, or --file FILE");
  }
  if ((command.signal == "metrics") == command.metric.empty()) {
    throw Failure(ExitCode::kUsage,
                  command.metric.empty()
                      ? "name the metric: --metric NAME (signalbox metrics lists them)"
                      : "--metric belongs to `signalbox query metrics`");
  }
  boost::json::object query{{"signal", command.signal},
                            {"aggregations", aggregations_of(command)},
                            {"limit", selection.limit == 0 ? kUsualGroups : selection.limit}};
  if (!command.metric.empty()) query["metric"] = command.metric;
  if (const std::string filter = filter_with_service(selection); !filter.empty()) {
    query["filter"] = filter;
  }
  boost::json::array fields;
  for (const std::string& field : command.group_by) fields.emplace_back(field);
  if (!fields.empty()) query["group_by"] = std::move(fields);
  const std::string step = command.step.empty() && command.chart ? "auto" : command.step;
  if (!step.empty()) query["step"] = step == "auto" ? step : step_ns(step);
  if (command.rest) query["rest"] = true;
  const Range range = parse_range(selection.times, now());
  return boost::json::serialize(
      boost::json::object{{"start", std::to_string(range.start_ns)},
                          {"end", std::to_string(range.end_ns)},
                          {"queries", {{std::string(kQueryName), std::move(query)}}}});
}

}  // namespace

ExitCode run_command(const config::RunQuery& command, const Context& context) {
  const std::string body = command.file.empty() ? request_of(command, context.client.selection)
                                                : read_file(command.file);
  const auto source = context.open();
  const Answer answer = ask(*source, {.path = "/api/v1/query", .parameters = {}, .body = body});
  context.streams.error << warnings_view(answer.json);
  const bool is_empty = count_groups(answer.json) == 0;
  if (context.client.output.json) {
    context.streams.out << answer.text << '\n';
  } else if (context.client.output.csv) {
    context.streams.out << query_csv(answer.json);
  } else if (is_empty) {
    return nothing(context, "record that matches");
  } else {
    context.streams.out << (command.chart ? query_charts(answer.json, context.style)
                                          : query_view(answer.json, context.style));
  }
  return is_empty ? ExitCode::kNothing : ExitCode::kFound;
}

}  // namespace signalbox::server::cli
