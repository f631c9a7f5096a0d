#include "server/cli/services_view.h"

#include <boost/json.hpp>
#include <map>
#include <string_view>
#include <vector>

#include "server/cli/cells.h"
#include "server/cli/json.h"
#include "server/cli/table.h"
#include "server/cli/text.h"
#include "server/cli/times.h"
#include "server/cli/units.h"

namespace signalbox::server::cli {
namespace {

constexpr std::size_t kSparkWidth = 16;

/// "postgresql orders": what a call is of.
std::string called(const boost::json::value& call) {
  const std::string system = shown(call, "system");
  std::string target = shown(call, "target");
  if (target.empty()) target = shown(call, "type");
  return system.empty() ? target : system + " " + target;
}

/// "SELECT items"
std::string how(const boost::json::value& call) {
  if (std::string summary = shown(call, "summary"); !summary.empty()) return summary;
  const std::string collection = shown(call, "collection");
  return shown(call, "operation") + (collection.empty() ? "" : " " + collection);
}

Cell share_cell(const boost::json::value& call) {
  const boost::json::value& share = member(call, "share_of_requests");
  if (share.is_null()) return {.text = "–", .sgr = color::kDim};
  return {.text = percent_text(number(share))};
}

/// The node's name by its id; of neighbours, which are services, the id alone tells it.
std::string name_of(const std::string& id, const std::map<std::string, std::string>& names) {
  if (const auto at = names.find(id); at != names.end()) return at->second;
  constexpr std::string_view kService = "service:";
  return named(printable(id.starts_with(kService) ? id.substr(kService.size()) : id));
}

std::string edges_table(const boost::json::array& edges,
                        const std::map<std::string, std::string>& names, const Style& style) {
  if (edges.empty()) return {};
  std::vector<std::vector<Cell>> rows;
  for (const boost::json::value& edge : edges) {
    const bool has_client = !member(member(edge, "client_durations"), "p50_ns").is_null();
    const auto& durations = member(edge, has_client ? "client_durations" : "server_durations");
    const std::string client = name_of(text(edge, "client"), names);
    const std::string server = name_of(text(edge, "server"), names);
    rows.push_back({{.text = client, .sgr = color_of(client)},
                    {.text = text(edge, "kind") == "message" ? "⇢" : "→"},
                    {.text = server, .sgr = color_of(server)},
                    rate_cell(edge, "calls_per_second"),
                    error_cell(edge, "call_count"),
                    duration_cell(durations, "p50_ns"),
                    duration_cell(durations, "p95_ns"),
                    duration_cell(durations, "p99_ns")});
  }
  return table({{.title = "FROM", .can_shrink = true},
                {.title = ""},
                {.title = "TO", .can_shrink = true},
                {.title = "RATE", .is_number = true},
                {.title = "ERRORS", .is_number = true},
                {.title = "P50", .is_number = true},
                {.title = "P95", .is_number = true},
                {.title = "P99", .is_number = true}},
               rows, style);
}

}  // namespace

std::string services_view(const boost::json::value& answer, std::int64_t now_ns,
                          const Style& style) {
  const bool is_wide = has_room(style);
  std::vector<Column> columns = {
      {.title = "SERVICE", .can_shrink = true}, {.title = "RATE", .is_number = true},
      {.title = "ERRORS", .is_number = true},   {.title = "P50", .is_number = true},
      {.title = "P90", .is_number = true},      {.title = "P99", .is_number = true},
      {.title = "APDEX", .is_number = true},    {.title = "REQUESTS"}};
  if (is_wide) {
    columns.push_back({.title = "LOGS", .is_number = true});
    columns.push_back({.title = "METRICS", .is_number = true});
    columns.push_back({.title = "LAST SEEN"});
  }
  std::vector<std::vector<Cell>> rows;
  for (const boost::json::value& service : items(answer, "services")) {
    const std::string name = named(shown(service, "name"));
    const auto requests = values_of(items(member(service, "sparklines"), "requests"));
    rows.push_back({{.text = name, .sgr = color_of(name)},
                    rate_cell(service),
                    error_cell(service),
                    duration_cell(service, "p50_ns"),
                    duration_cell(service, "p90_ns"),
                    duration_cell(service, "p99_ns"),
                    apdex_cell(service),
                    {.text = sparkline(requests, kSparkWidth), .sgr = color::kCyan}});
    if (!is_wide) continue;
    rows.back().push_back({.text = count_text(number(service, "log_count", 0))});
    rows.back().push_back({.text = count_text(number(service, "metric_count", 0))});
    rows.back().push_back(
        {.text = age_text(integer(service, "last_seen"), now_ns), .sgr = color::kDim});
  }
  return table(columns, rows, style);
}

std::string operations_view(const boost::json::value& answer, const Style& style) {
  std::vector<std::vector<Cell>> rows;
  for (const boost::json::value& operation : items(answer, "operations")) {
    rows.push_back({{.text = named(shown(operation, "name"))},
                    rate_cell(operation),
                    error_cell(operation),
                    duration_cell(operation, "p50_ns"),
                    duration_cell(operation, "p90_ns"),
                    duration_cell(operation, "p99_ns"),
                    apdex_cell(operation)});
  }
  return table({{.title = "OPERATION", .can_shrink = true},
                {.title = "RATE", .is_number = true},
                {.title = "ERRORS", .is_number = true},
                {.title = "P50", .is_number = true},
                {.title = "P90", .is_number = true},
                {.title = "P99", .is_number = true},
                {.title = "APDEX", .is_number = true}},
               rows, style);
}

std::string calls_view(const boost::json::value& answer, const Style& style) {
  std::vector<std::vector<Cell>> rows;
  for (const boost::json::value& call : items(answer, "calls")) {
    const boost::json::value& durations = member(call, "durations");
    rows.push_back({{.text = called(call)},
                    {.text = how(call)},
                    rate_cell(call, "calls_per_second"),
                    error_cell(call, "call_count"),
                    duration_cell(durations, "p50_ns"),
                    duration_cell(durations, "p99_ns"),
                    share_cell(call)});
  }
  std::string text;
  if (!rows.empty()) {
    text = table({{.title = "CALLS", .can_shrink = true},
                  {.title = "HOW", .can_shrink = true},
                  {.title = "RATE", .is_number = true},
                  {.title = "ERRORS", .is_number = true},
                  {.title = "P50", .is_number = true},
                  {.title = "P99", .is_number = true},
                  {.title = "OF ITS TIME", .is_number = true}},
                 rows, style);
  }
  if (const std::string callers = edges_table(items(answer, "callers"), {}, style);
      !callers.empty()) {
    text += (text.empty() ? "" : "\n") + callers;
  }
  return text;
}

std::string graph_view(const boost::json::value& answer, const Style& style) {
  std::map<std::string, std::string> names;
  for (const boost::json::value& node : items(answer, "nodes")) {
    const std::string system = shown(node, "system");
    names[text(node, "id")] = (system.empty() ? "" : system + " ") + named(shown(node, "name"));
  }
  return edges_table(items(answer, "edges"), names, style);
}

std::string versions_view(const boost::json::value& answer, const Style& style) {
  std::vector<std::vector<Cell>> rows;
  for (const boost::json::value& version : items(answer, "versions")) {
    const std::string name = shown(version, "version");
    if (name.empty()) continue;
    rows.push_back({{.text = name},
                    {.text = day_time_text(integer(version, "first_seen"))},
                    {.text = day_time_text(integer(version, "last_seen"))},
                    {.text = count_text(number(version, "instance_count", 0))},
                    rate_cell(version),
                    error_cell(version),
                    duration_cell(version, "p99_ns"),
                    apdex_cell(version)});
  }
  if (rows.empty()) return {};
  return table({{.title = "VERSION", .can_shrink = true},
                {.title = "FROM"},
                {.title = "TO"},
                {.title = "INSTANCES", .is_number = true},
                {.title = "RATE", .is_number = true},
                {.title = "ERRORS", .is_number = true},
                {.title = "P99", .is_number = true},
                {.title = "APDEX", .is_number = true}},
               rows, style);
}

}  // namespace signalbox::server::cli
