#include "server/cli/services_view.h"

#include <boost/json.hpp>
#include <optional>
#include <vector>

#include "server/cli/cells.h"
#include "server/cli/json.h"
#include "server/cli/table.h"
#include "server/cli/times.h"
#include "server/cli/units.h"

namespace signalbox::server::cli {
namespace {

constexpr std::size_t kSparkWidth = 16;

std::vector<std::optional<double>> values_of(const boost::json::array& array) {
  std::vector<std::optional<double>> values;
  for (const boost::json::value& value : array) {
    values.push_back(value.is_null() ? std::nullopt : std::optional(number(value)));
  }
  return values;
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
