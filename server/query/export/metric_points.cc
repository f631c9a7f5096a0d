#include "server/query/export/metric_points.h"

#include <charconv>
#include <string>
#include <string_view>

namespace signalbox::server::query {
namespace {

using Type = KeyColumn::Type;

struct TableText {
  std::string_view name;
  std::string_view columns;
};

/// Behind flags and start time, which all have.
constexpr std::array<TableText, kPointTables> kTables{
    {{"metric_number_rows", "value, value_kind, value_int"},
     {"metric_histogram_rows", "count, sum, min, max, bounds, counts"},
     {"metric_exponential_histogram_rows",
      "count, sum, min, max, scale, zero_count, zero_threshold, positive_offset, positive_counts, "
      "negative_offset, negative_counts"},
     {"metric_summary_rows", "count, sum, quantiles, values"}}};

std::int64_t parse_digits(const std::string& text) {
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

template <typename T, typename Read>
void read_array(RowReader& row, std::vector<T>& into, Read read) {
  into.clear();
  for (std::size_t left = row.size(); left > 0; --left) into.push_back(read());
}

/// A Nullable(Float64): whether it is there, and then what it is.
void read_optional(RowReader& row, bool& has, double& value) {
  has = !row.boolean();
  if (has) value = row.f64();
}

template <typename Point>
void read_common(RowReader& row, const PointRecord& record, Point& point) {
  point.time_unix_nano = static_cast<std::uint64_t>(record.time_ns());
  point.flags = row.u32();
  point.start_time_unix_nano = static_cast<std::uint64_t>(row.i64());
}

template <typename Point>
void read_totals(RowReader& row, Point& point) {
  point.count = row.u64();
  read_optional(row, point.has_sum, point.sum);
  read_optional(row, point.has_min, point.min);
  read_optional(row, point.has_max, point.max);
}

}  // namespace

PageTable point_table(PointTable table) {
  const auto& [name, columns] = kTables.at(static_cast<std::size_t>(table));
  const std::string all = "flags, toUnixTimestamp64Nano(start_time), " + std::string(columns);
  return {.name = std::string(name),
          .key = {{"metric_name"},
                  {"series_id", Type::kHash},
                  {"time", Type::kTime},
                  {"received", Type::kReceived}},
          .order_by = "metric_name, series_id, time, received, cityHash64(" + all + ")",
          .columns = all};
}

std::uint64_t PointRecord::series_id() const {
  std::uint64_t number = 0;
  std::from_chars(key[1].data(), key[1].data() + key[1].size(), number);
  return number;
}

std::int64_t PointRecord::time_ns() const {
  return parse_digits(key[2]);
}

std::int64_t PointRecord::received_us() const {
  return parse_digits(key[3]);
}

void NumberRecord::read(RowReader& row, otlp::internal::Arena& /*arena*/) {
  read_common(row, *this, view);
  const double value = row.f64();
  view.kind = static_cast<otlp::NumberPointView::Kind>(row.u8());
  const std::int64_t exact = row.i64();
  if (view.kind == otlp::NumberPointView::Kind::kInt) view.int_value = exact;
  if (view.kind == otlp::NumberPointView::Kind::kDouble) view.double_value = value;
}

void HistogramRecord::read(RowReader& row, otlp::internal::Arena& /*arena*/) {
  read_common(row, *this, view);
  read_totals(row, view);
  read_array(row, bounds_, [&] { return row.f64(); });
  read_array(row, counts_, [&] { return row.u64(); });
  view.explicit_bounds = bounds_;
  view.bucket_counts = counts_;
}

void ExponentialHistogramRecord::read(RowReader& row, otlp::internal::Arena& /*arena*/) {
  read_common(row, *this, view);
  read_totals(row, view);
  view.scale = row.i32();
  view.zero_count = row.u64();
  view.zero_threshold = row.f64();
  view.positive_offset = row.i32();
  read_array(row, positive_, [&] { return row.u64(); });
  view.negative_offset = row.i32();
  read_array(row, negative_, [&] { return row.u64(); });
  view.positive_counts = positive_;
  view.negative_counts = negative_;
}

void SummaryRecord::read(RowReader& row, otlp::internal::Arena& /*arena*/) {
  read_common(row, *this, view);
  view.count = row.u64();
  view.sum = row.f64();
  read_array(row, quantiles_, [&] { return row.f64(); });
  read_array(row, values_, [&] { return row.f64(); });
  view.quantiles = quantiles_;
  view.values = values_;
}

}  // namespace signalbox::server::query
