#include "server/cli/query_view.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <optional>
#include <vector>

#include "server/cli/chart.h"
#include "server/cli/json.h"
#include "server/cli/table.h"
#include "server/cli/text.h"
#include "server/cli/units.h"

namespace signalbox::server::cli {
namespace {

constexpr std::size_t kMostSpark = 20;
constexpr std::size_t kLeastSpark = 8;
constexpr std::string_view kRest = "(all others)";

const boost::json::object& results_of(const boost::json::value& answer) {
  static const boost::json::object none;
  const boost::json::object* const found = member(answer, "results").if_object();
  return found == nullptr ? none : *found;
}

/// The group's value of the nth field.
std::string label(const boost::json::value& group, std::size_t n) {
  if (boolean(group, "is_rest")) return std::string(n == 0 ? kRest : "");
  const boost::json::array& labels = items(group, "labels");
  return n < labels.size() && labels[n].is_string()
             ? printable(std::string_view(labels[n].get_string()))
             : std::string();
}

std::string group_label(const boost::json::value& group, std::size_t fields) {
  std::string text;
  for (std::size_t i = 0; i < fields; ++i) {
    const std::string one = label(group, i);
    text += (i == 0 || one.empty() ? "" : ", ") + one;
  }
  return text.empty() ? "(none)" : text;
}

std::optional<double> known(const boost::json::value& value) {
  if (!value.is_number()) return std::nullopt;
  return number(value);
}

std::vector<std::optional<double>> values_of(const boost::json::value& series) {
  std::vector<std::optional<double>> values;
  const boost::json::array* const all = series.if_array();
  if (all == nullptr) return values;
  for (const boost::json::value& value : *all) values.push_back(known(value));
  return values;
}

/// "850 ns ▁▂▅█▂ 1.2 s": how the values are distributed.
std::string histogram_text(const boost::json::array& buckets, const std::string& unit) {
  if (buckets.empty()) return "–";
  std::vector<std::optional<double>> counts;
  for (const boost::json::value& bucket : buckets) {
    const boost::json::array* const parts = bucket.if_array();
    counts.push_back(parts != nullptr && parts->size() == 3 ? known((*parts)[2]) : std::nullopt);
  }
  const auto bound = [&](const boost::json::value& bucket, std::size_t part) {
    const boost::json::array* const parts = bucket.if_array();
    return parts != nullptr && parts->size() == 3 ? value_text(number((*parts)[part]), unit) : "";
  };
  return bound(buckets.front(), 0) + " " + sparkline(counts, kMostSpark) + " " +
         bound(buckets.back(), 1);
}

std::string value_of(const boost::json::value& value, const std::string& unit) {
  if (const boost::json::array* const buckets = value.if_array()) {
    return histogram_text(*buckets, unit);
  }
  return value_text(known(value), unit);
}

/// A value as a program reads it.
std::string raw(const boost::json::value& value) {
  if (value.is_null()) return {};
  if (!value.is_number()) return boost::json::serialize(value);
  return digits_of(number(value));
}

/// What several lines of values over time may take of a terminal together.
std::size_t spark_width(std::size_t lines, const Style& style) {
  if (style.width == 0 || lines == 0) return kMostSpark;
  return std::clamp(style.width / 4 / lines, kLeastSpark, kMostSpark);
}

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return text;
}

bool has_series(const boost::json::value& result) {
  return member(result, "buckets").is_object();
}

std::string result_table(const boost::json::value& result, const Style& style) {
  const boost::json::array& fields = items(result, "group_by");
  const boost::json::array& aggregations = items(result, "aggregations");
  const bool over_time = has_series(result);
  const std::size_t spark = spark_width(aggregations.size(), style);
  std::vector<Column> columns;
  for (const boost::json::value& field : fields) {
    const std::string name =
        field.is_string() ? printable(std::string_view(field.get_string())) : "";
    columns.push_back({.title = upper(name), .can_shrink = true});
  }
  for (const boost::json::value& aggregation : aggregations) {
    columns.push_back({.title = upper(printable(text(aggregation, "name"))), .is_number = true});
    if (over_time) columns.push_back({.title = "OVER TIME"});
  }
  std::vector<std::vector<Cell>> rows;
  for (const boost::json::value& group : items(result, "groups")) {
    std::vector<Cell>& row = rows.emplace_back();
    const auto sgr = boolean(group, "is_rest") ? color::kDim : color::kNone;
    for (std::size_t i = 0; i < fields.size(); ++i) {
      row.push_back({.text = label(group, i), .sgr = sgr});
    }
    const boost::json::array& values = items(group, "values");
    const boost::json::array& series = items(group, "series");
    for (std::size_t i = 0; i < aggregations.size(); ++i) {
      const std::string unit = text(aggregations[i], "unit");
      row.push_back({.text = i < values.size() ? value_of(values[i], unit) : "–"});
      if (!over_time) continue;
      const auto line = i < series.size() ? values_of(series[i]) : values_of(nullptr);
      row.push_back({.text = sparkline(line, spark), .sgr = color::kCyan});
    }
  }
  std::string text = table(columns, rows, style);
  const auto all = static_cast<std::size_t>(number(result, "group_count", 0));
  if (all > rows.size()) {
    text += style.paint(color::kDim, "… " + std::to_string(all - rows.size()) +
                                         " more groups; --limit shows more") +
            "\n";
  }
  return text;
}

std::string result_charts(const boost::json::value& result, const Style& style) {
  const boost::json::value& buckets = member(result, "buckets");
  const boost::json::array& aggregations = items(result, "aggregations");
  const std::size_t fields = items(result, "group_by").size();
  const ChartAxis axis{.start_ns = integer(buckets, "start"),
                       .step_ns = std::max<std::int64_t>(1, integer(buckets, "step_ns")),
                       .buckets = static_cast<std::size_t>(number(buckets, "count", 0))};
  std::string charts;
  for (std::size_t i = 0; i < aggregations.size(); ++i) {
    std::vector<ChartSeries> lines;
    for (const boost::json::value& group : items(result, "groups")) {
      const boost::json::array& series = items(group, "series");
      if (i >= series.size()) continue;
      lines.push_back({.label = group_label(group, fields),
                       .unit = text(aggregations[i], "unit"),
                       .values = values_of(series[i])});
    }
    if (lines.empty()) continue;
    charts += style.paint(color::kBold, printable(text(aggregations[i], "name"))) + "\n" +
              chart(lines, axis, style);
  }
  return charts;
}

template <typename View>
std::string each_result(const boost::json::value& answer, const Style& style, View view) {
  const boost::json::object& results = results_of(answer);
  std::string text;
  for (const auto& [name, result] : results) {
    if (results.size() > 1) {
      text += (text.empty() ? "" : "\n") +
              style.paint(color::kBold, printable(std::string_view(name))) + "\n";
    }
    text += view(result);
  }
  return text;
}

}  // namespace

std::string query_view(const boost::json::value& answer, const Style& style) {
  return each_result(answer, style,
                     [&](const boost::json::value& result) { return result_table(result, style); });
}

std::string query_charts(const boost::json::value& answer, const Style& style) {
  return each_result(answer, style, [&](const boost::json::value& result) {
    return has_series(result) ? result_charts(result, style) : result_table(result, style);
  });
}

/// What `count` aggregations of a group are in one bucket; null where nothing is known.
boost::json::array values_at(const boost::json::value& group, std::size_t count,
                             std::size_t bucket) {
  boost::json::array values(count);
  const boost::json::array& series = items(group, "series");
  for (std::size_t i = 0; i < std::min(count, series.size()); ++i) {
    const boost::json::array* const all = series[i].if_array();
    if (all != nullptr && bucket < all->size()) values[i] = all->at(bucket);
  }
  return values;
}

std::string query_csv(const boost::json::value& answer) {
  const boost::json::object& results = results_of(answer);
  std::string all;
  for (const auto& [name, result] : results) {
    std::vector<std::string> titles;
    if (results.size() > 1) titles.emplace_back("result");
    const bool is_over_time = has_series(result);
    if (is_over_time) titles.emplace_back("time_unix_nano");
    const boost::json::array& fields = items(result, "group_by");
    for (const boost::json::value& field : fields) {
      titles.push_back(field.is_string() ? std::string(field.get_string()) : "");
    }
    for (const boost::json::value& one : items(result, "aggregations")) {
      titles.push_back(text(one, "name"));
    }
    std::vector<std::vector<std::string>> rows;
    const auto add_row = [&](const boost::json::value& group, const std::string& time,
                             const auto& values) {
      std::vector<std::string>& row = rows.emplace_back();
      if (results.size() > 1) row.emplace_back(name);
      if (is_over_time) row.push_back(time);
      for (std::size_t i = 0; i < fields.size(); ++i) row.push_back(label(group, i));
      for (const boost::json::value& value : values) row.push_back(raw(value));
    };
    for (const boost::json::value& group : items(result, "groups")) {
      if (!is_over_time) {
        add_row(group, "", items(group, "values"));
        continue;
      }
      const boost::json::value& buckets = member(result, "buckets");
      const std::int64_t count = integer(buckets, "count");
      for (std::int64_t bucket = 0; bucket < count; ++bucket) {
        add_row(group,
                std::to_string(integer(buckets, "start") + bucket * integer(buckets, "step_ns")),
                values_at(group, items(result, "aggregations").size(),
                          static_cast<std::size_t>(bucket)));
      }
    }
    all += csv(titles, rows);
  }
  return all;
}

std::size_t count_groups(const boost::json::value& answer) {
  std::size_t count = 0;
  for (const auto& [name, result] : results_of(answer)) count += items(result, "groups").size();
  return count;
}

}  // namespace signalbox::server::cli
