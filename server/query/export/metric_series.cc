#include "server/query/export/metric_series.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <deque>
#include <limits>
#include <string_view>
#include <utility>

#include "server/query/export/stored_values.h"
#include "server/query/plan/attributes.h"
#include "server/query/plan/ids.h"
#include "server/query/plan/rows.h"
#include "server/query/plan/sql.h"

namespace signalbox::server::query {
namespace {

otlp::MetricType metric_type(std::string_view name) {
  constexpr std::array<std::string_view, 5> kNames{"gauge", "sum", "histogram",
                                                   "exponential_histogram", "summary"};
  const auto* const at = std::find(kNames.begin(), kNames.end(), name);
  return at == kNames.end() ? otlp::MetricType::kGauge
                            : static_cast<otlp::MetricType>(at - kNames.begin());
}

}  // namespace

MetricSeries::MetricSeries(Session& session, const std::set<std::uint64_t>& ids) {
  if (ids.empty()) return;
  data_ = session.rows(
      "SELECT series_id, resource_id, scope_id, " + attribute_columns() +
      ", metric_name, metric_type, unit, description, temporality, is_monotonic, metadata, "
      "metadata_types\nFROM metric_series_rows WHERE series_id IN " +
      number_list(ids) + "\nORDER BY series_id, seen DESC LIMIT 1 BY series_id");
  // Of two descriptions that are equal in all that is shown one is enough.
  std::map<std::string, std::size_t> known;
  for (RowReader row(data_); !row.at_end();) {
    Series& series = series_[row.u64()];
    series.place.resource_id = row.u32();
    series.place.scope_id = row.u32();
    ids_.resources.insert(series.place.resource_id);
    ids_.scopes.insert(series.place.scope_id);
    series.attributes = read_attributes(row, arena_);
    const std::string_view before = row.rest();
    otlp::MetricView metric;
    metric.name = row.string();
    metric.type = metric_type(row.string());
    metric.unit = row.string();
    metric.description = row.string();
    metric.temporality = row.i32();
    metric.is_monotonic = row.boolean();
    std::vector<otlp::KeyValueView> metadata = read_attributes(row, arena_);
    const std::string text(before.substr(0, before.size() - row.rest().size()));
    const auto [at, is_new] = known.try_emplace(text, metrics_.size());
    series.place.metric = at->second;
    if (!is_new) continue;
    metric.metadata = metadata_.emplace_back(std::move(metadata));
    metrics_.push_back(metric);
  }
}

const MetricSeries::Series* MetricSeries::find(std::uint64_t id) const {
  const auto at = series_.find(id);
  return at == series_.end() ? nullptr : &at->second;
}

const otlp::MetricView& MetricSeries::metric(const Place& place) const {
  return metrics_.at(place.metric);
}

Exemplars::Exemplars(Session& session, const std::set<Point>& points) {
  if (points.empty()) return;
  std::set<std::uint64_t> series;
  std::int64_t first = std::numeric_limits<std::int64_t>::max();
  std::int64_t last = std::numeric_limits<std::int64_t>::min();
  for (const auto& [series_id, time, received] : points) {
    series.insert(series_id);
    first = std::min(first, time);
    last = std::max(last, time);
  }
  Parameters parameters;
  const std::string since = "fromUnixTimestamp64Nano(" + parameters.bind_int(first) + ")";
  const std::string until = "fromUnixTimestamp64Nano(" + parameters.bind_int(last) + ")";
  data_ = session.rows(
      "SELECT series_id, toUnixTimestamp64Nano(point_time), toUnixTimestamp64Micro(received), "
      "toUnixTimestamp64Nano(time) AS exemplar_ns, value, value_kind, value_int, trace_id, "
      "span_id, " +
          attribute_columns() + "\nFROM metric_exemplar_rows WHERE series_id IN " +
          number_list(series) + " AND point_time >= " + since + " AND point_time <= " + until +
          "\nORDER BY exemplar_ns, trace_id, span_id, value, value_int",
      parameters);
  for (RowReader row(data_); !row.at_end();) {
    const std::uint64_t series_id = row.u64();
    const std::int64_t point_time = row.i64();
    otlp::ExemplarView exemplar;
    std::vector<otlp::ExemplarView>& of_point = exemplars_[Point(series_id, point_time, row.i64())];
    exemplar.time_unix_nano = static_cast<std::uint64_t>(row.i64());
    const double value = row.f64();
    exemplar.is_int = row.u8() == static_cast<std::uint8_t>(otlp::NumberPointView::Kind::kInt);
    const std::int64_t exact = row.i64();
    if (exemplar.is_int) {
      exemplar.int_value = exact;
    } else {
      exemplar.double_value = value;
    }
    exemplar.trace_id = id_or_none(row.bytes(16));
    exemplar.span_id = id_or_none(row.bytes(8));
    exemplar.filtered_attributes = attributes_.emplace_back(read_attributes(row, arena_));
    of_point.push_back(exemplar);
  }
}

std::span<const otlp::ExemplarView> Exemplars::of(const Point& point) const {
  const auto at = exemplars_.find(point);
  if (at == exemplars_.end()) return {};
  return at->second;
}

}  // namespace signalbox::server::query
