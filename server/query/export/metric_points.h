#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "otlp/records.h"
#include "server/query/export/page.h"

namespace signalbox::server::query {

/// The tables of points, in the order in which they are exported.
enum class PointTable : std::uint8_t { kNumbers, kHistograms, kExponentialHistograms, kSummaries };
inline constexpr std::size_t kPointTables = 4;

/// How points are read, as the records below do. Times and series are in their keys.
PageTable point_table(PointTable table);

/// A point of a page; its view refers to the page and to itself. Attributes and exemplars stand in
/// other tables.
struct PointRecord {
  KeyValues key;
  [[nodiscard]] std::uint64_t series_id() const;
  [[nodiscard]] std::int64_t time_ns() const;
  [[nodiscard]] std::int64_t received_us() const;
};

struct NumberRecord : PointRecord {
  static constexpr PointTable kTable = PointTable::kNumbers;
  otlp::NumberPointView view;
  void read(RowReader& row, otlp::internal::Arena& arena);
};

struct HistogramRecord : PointRecord {
  static constexpr PointTable kTable = PointTable::kHistograms;
  otlp::HistogramPointView view;
  void read(RowReader& row, otlp::internal::Arena& arena);

 private:
  std::vector<double> bounds_;
  std::vector<std::uint64_t> counts_;
};

struct ExponentialHistogramRecord : PointRecord {
  static constexpr PointTable kTable = PointTable::kExponentialHistograms;
  otlp::ExponentialHistogramPointView view;
  void read(RowReader& row, otlp::internal::Arena& arena);

 private:
  std::vector<std::uint64_t> positive_, negative_;
};

struct SummaryRecord : PointRecord {
  static constexpr PointTable kTable = PointTable::kSummaries;
  otlp::SummaryPointView view;
  void read(RowReader& row, otlp::internal::Arena& arena);

 private:
  std::vector<double> quantiles_, values_;
};

}  // namespace signalbox::server::query
