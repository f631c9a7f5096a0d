#include "server/cli/errors_view.h"

#include <boost/json.hpp>
#include <vector>

#include "server/cli/cells.h"
#include "server/cli/json.h"
#include "server/cli/table.h"
#include "server/cli/times.h"
#include "server/cli/units.h"

namespace signalbox::server::cli {
namespace {

constexpr std::size_t kSparkWidth = 16;

/// "Timeout: after # ms"
std::string what(const boost::json::value& error) {
  const std::string type = shown(error, "type");
  const std::string shape = shown(error, "shape");
  if (type.empty() && shape.empty()) return "(no message)";
  return type + (type.empty() || shape.empty() ? "" : ": ") + shape;
}

Cell trace_cell(const std::string& trace_id) {
  const bool has_trace = trace_id.find_first_not_of('0') != std::string::npos;
  if (!has_trace) return {.text = "–", .sgr = color::kDim};
  return {.text = trace_id, .sgr = color::kCyan};
}

}  // namespace

std::string errors_view(const boost::json::value& answer, std::int64_t now_ns, const Style& style) {
  const bool is_wide = has_room(style);
  std::vector<Column> columns = {{.title = "COUNT", .is_number = true},
                                 {.title = "LAST"},
                                 {.title = "SERVICE", .can_shrink = true},
                                 {.title = "ERROR", .can_shrink = true}};
  if (is_wide) {
    columns.push_back({.title = "OF"});
    columns.push_back({.title = "OVER TIME"});
    columns.push_back({.title = "TRACE"});
  }
  std::vector<std::vector<Cell>> rows;
  for (const boost::json::value& error : items(answer, "errors")) {
    const std::string service = named(shown(error, "service_name"));
    rows.push_back({{.text = count_text(number(error, "count", 0))},
                    {.text = age_text(integer(error, "last_seen"), now_ns), .sgr = color::kDim},
                    {.text = service, .sgr = color_of(service)},
                    {.text = what(error), .sgr = color::kRed}});
    if (!is_wide) continue;
    rows.back().push_back({.text = text(error, "signal") == "logs" ? "logs" : "spans"});
    rows.back().push_back(
        {.text = sparkline(values_of(items(error, "counts")), kSparkWidth), .sgr = color::kCyan});
    rows.back().push_back(trace_cell(shown(error, "trace_id")));
  }
  return table(columns, rows, style);
}

}  // namespace signalbox::server::cli
