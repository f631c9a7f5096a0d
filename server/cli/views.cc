#include "server/cli/views.h"

#include <algorithm>
#include <boost/json.hpp>
#include <map>
#include <optional>
#include <vector>

#include "server/cli/cells.h"
#include "server/cli/chart.h"
#include "server/cli/json.h"
#include "server/cli/log_line.h"
#include "server/cli/table.h"
#include "server/cli/text.h"
#include "server/cli/times.h"
#include "server/cli/units.h"

namespace signalbox::server::cli {
namespace {

constexpr std::size_t kWidestService = 24;
constexpr std::size_t kSparkWidth = 16;

/// "14:00:05"; of another day "12-01 14:00".
std::string start_text(std::int64_t ns, std::int64_t now_ns) {
  if (!is_same_day(ns, now_ns)) return day_time_text(ns);
  const std::string text = clock_text(ns);
  return text.substr(0, text.find('.'));
}

LogLineOptions options_for(const boost::json::array& records, std::int64_t now_ns) {
  LogLineOptions options;
  for (const boost::json::value& record : records) {
    options.with_date = options.with_date || !is_same_day(integer(record, "time"), now_ns);
    options.service_width = std::max(options.service_width, columns(shown(record, "service_name")));
  }
  options.service_width = std::min(options.service_width, kWidestService);
  return options;
}

std::string joined(const boost::json::array& names) {
  std::string all;
  for (const boost::json::value& name : names) {
    const std::string one = name.is_string() ? std::string(name.get_string()) : text(name, "name");
    all += (all.empty() ? "" : ", ") + printable(one);
  }
  return all;
}

/// "GET /cart 500": the group's values, with their names where there are several.
std::string label_of(const boost::json::value& series, bool has_aggregations) {
  std::string label;
  if (const boost::json::object* const labels = member(series, "labels").if_object()) {
    for (const auto& [name, value] : *labels) {
      label += (label.empty() ? "" : ", ") + printable(std::string_view(name)) + "=" +
               (value.is_string() ? printable(std::string_view(value.get_string())) : "");
    }
  }
  if (has_aggregations || label.empty()) {
    label = shown(series, "aggregation") + (label.empty() ? "" : " " + label);
  }
  return label;
}

std::string unit_of(const boost::json::value& answer, const std::string& aggregation) {
  for (const boost::json::value& one : items(answer, "aggregations")) {
    if (text(one, "aggregation") == aggregation) return shown(one, "unit");
  }
  return shown(answer, "unit");
}

}  // namespace

std::string traces_view(const boost::json::value& answer, std::int64_t now_ns, const Style& style) {
  const bool is_wide = has_room(style);
  std::vector<Column> columns = {{.title = "STARTED"},
                                 {.title = "DURATION", .is_number = true},
                                 {.title = "SPANS", .is_number = true},
                                 {.title = "ROOT", .can_shrink = true}};
  if (is_wide) {
    columns.push_back({.title = "ERRORS", .is_number = true});
    columns.push_back({.title = "SERVICES", .can_shrink = true});
  }
  columns.push_back({.title = "TRACE"});
  std::vector<std::vector<Cell>> rows;
  for (const boost::json::value& trace : items(answer, "traces")) {
    const double errors = number(trace, "error_count", 0);
    const std::string root = (errors > 0 ? "✗ " : "") +
                             (boolean(trace, "root_missing") ? std::string("⁇ ") : "") +
                             named(shown(trace, "root_service")) + " " + shown(trace, "root_name");
    rows.push_back({{.text = start_text(integer(trace, "start_time"), now_ns), .sgr = color::kDim},
                    duration_cell(trace, "duration_ns"),
                    {.text = count_text(number(trace, "span_count", 0))},
                    {.text = root, .sgr = errors > 0 ? color::kRed : color::kNone}});
    if (is_wide) {
      rows.back().push_back(
          {.text = count_text(errors), .sgr = errors > 0 ? color::kRed : color::kDim});
      rows.back().push_back({.text = joined(items(trace, "services"))});
    }
    rows.back().push_back({.text = shown(trace, "trace_id"), .sgr = color::kCyan});
  }
  return table(columns, rows, style);
}

std::string log_patterns_view(const boost::json::value& answer, std::int64_t now_ns,
                              const Style& style) {
  const bool is_wide = has_room(style);
  std::vector<Column> columns = {{.title = "COUNT", .is_number = true},
                                 {.title = "SHARE", .is_number = true},
                                 {.title = "LAST"},
                                 {.title = "PATTERN", .can_shrink = true}};
  if (is_wide) {
    columns.push_back({.title = "SERVICES", .can_shrink = true});
    columns.push_back({.title = "OVER TIME"});
  }
  std::vector<std::vector<Cell>> rows;
  for (const boost::json::value& pattern : items(answer, "patterns")) {
    rows.push_back({{.text = count_text(number(pattern, "count", 0))},
                    {.text = percent_text(number(pattern, "share", 0))},
                    {.text = age_text(integer(pattern, "last_seen"), now_ns), .sgr = color::kDim},
                    {.text = shown(pattern, "pattern")}});
    if (!is_wide) continue;
    rows.back().push_back({.text = joined(items(pattern, "services"))});
    rows.back().push_back(
        {.text = sparkline(values_of(items(pattern, "counts")), kSparkWidth), .sgr = color::kCyan});
  }
  return table(columns, rows, style);
}

std::string log_context_view(const boost::json::value& answer, std::int64_t now_ns,
                             const Style& style) {
  constexpr std::size_t kMark = 2;
  boost::json::array records = items(answer, "before");
  const std::size_t marked = records.size();
  records.push_back(member(answer, "log"));
  const boost::json::array& after = items(answer, "after");
  records.insert(records.end(), after.begin(), after.end());
  const LogLineOptions options = options_for(records, now_ns);
  Style narrower = style;
  narrower.width -= std::min(narrower.width, kMark);
  std::string text;
  for (std::size_t i = 0; i < records.size(); ++i) {
    const std::string lines = log_line(records[i], options, narrower);
    for (std::size_t at = 0; at < lines.size();) {
      const std::size_t end = lines.find('\n', at);
      text += (at == 0 && i == marked ? "> " : "  ") + lines.substr(at, end - at) + "\n";
      at = end + 1;
    }
  }
  return text;
}

std::string logs_view(const boost::json::array& records, std::int64_t now_ns, const Style& style) {
  const LogLineOptions options = options_for(records, now_ns);
  std::string text;
  for (auto at = records.rbegin(); at != records.rend(); ++at) {
    text += log_line(*at, options, style);
  }
  return text;
}

std::string metrics_view(const boost::json::value& answer, std::int64_t now_ns,
                         const Style& style) {
  std::vector<std::vector<Cell>> rows;
  for (const boost::json::value& metric : items(answer, "metrics")) {
    std::string type = shown(metric, "type");
    if (boolean(metric, "is_monotonic")) type = "counter";
    rows.push_back({{.text = shown(metric, "name"), .sgr = color::kBold},
                    {.text = type},
                    {.text = shown(metric, "unit")},
                    {.text = count_text(number(metric, "series_count", 0))},
                    {.text = joined(items(metric, "services"))},
                    {.text = age_text(integer(metric, "last_seen"), now_ns), .sgr = color::kDim}});
  }
  return table({{.title = "METRIC", .can_shrink = true},
                {.title = "TYPE", .can_shrink = true},
                {.title = "UNIT", .can_shrink = true},
                {.title = "SERIES", .is_number = true},
                {.title = "SERVICES", .can_shrink = true},
                {.title = "LAST SEEN"}},
               rows, style);
}

std::string metric_view(const boost::json::value& answer, const Style& style) {
  const boost::json::array& aggregations = items(answer, "aggregations");
  std::map<std::string, std::vector<ChartSeries>> by_unit;  // One vertical axis for each.
  ChartAxis axis{.start_ns = integer(answer, "start"),
                 .step_ns = std::max<std::int64_t>(1, integer(answer, "step_ns"))};
  for (const boost::json::value& one : items(answer, "series")) {
    const std::string unit = unit_of(answer, text(one, "aggregation"));
    ChartSeries& line = by_unit[unit].emplace_back();
    line.label = label_of(one, aggregations.size() > 1);
    line.unit = unit;
    const boost::json::array& points = items(one, "points");
    for (const boost::json::value& point : points) {
      const boost::json::array* const pair = point.if_array();
      if (pair == nullptr || pair->size() != 2) continue;
      if (line.values.empty()) axis.start_ns = integer((*pair)[0]);
      line.values.push_back((*pair)[1].is_null() ? std::nullopt
                                                 : std::optional(number((*pair)[1])));
    }
    axis.buckets = std::max(axis.buckets, line.values.size());
  }
  std::string title = style.paint(color::kBold, shown(answer, "name"));
  for (const boost::json::value& one : aggregations) title += "  " + shown(one, "drawn");
  std::string text = title + "\n";
  if (const std::string description = shown(answer, "description"); !description.empty()) {
    text += style.paint(color::kDim, cut(description, style.width)) + "\n";
  }
  for (const auto& [unit, series] : by_unit) text += chart(series, axis, style);
  if (const double omitted = number(answer, "series_omitted", 0); omitted > 0) {
    text += "… " + count_text(omitted) + " further groups; narrow them down with --filter\n";
  }
  return text;
}

std::string warnings_view(const boost::json::value& answer) {
  std::string text;
  for (const boost::json::value& warning : items(answer, "warnings")) {
    text += shown(warning, "message") + "\n";
  }
  return text;
}

}  // namespace signalbox::server::cli
