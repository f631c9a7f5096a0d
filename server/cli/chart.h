#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/cli/style.h"

namespace signalbox::server::cli {

/// One line of a chart: a value for each bucket, or nothing where none is known.
struct ChartSeries {
  std::string label;  ///< Printable.
  std::string unit;   ///< As UCUM writes it.
  std::vector<std::optional<double>> values;
};

struct ChartAxis {
  std::int64_t start_ns = 0;  ///< Of the first bucket.
  std::int64_t step_ns = 1;   ///< > 0
  std::size_t buckets = 0;
};

/// Lines of braille dots over a time axis, with a legend below: for each line its label, its values
/// as a sparkline, and its last, least and greatest value. The axis has the first line's unit.
/// Lines beyond the first eight are in the legend only, and are counted beyond forty.
std::string chart(const std::vector<ChartSeries>& series, const ChartAxis& axis,
                  const Style& style);

}  // namespace signalbox::server::cli
