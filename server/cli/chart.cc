#include "server/cli/chart.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "server/cli/table.h"
#include "server/cli/text.h"
#include "server/cli/times.h"
#include "server/cli/units.h"

namespace signalbox::server::cli {
namespace {

constexpr std::size_t kRows = 12;
constexpr std::size_t kTickRows = 4;  // Rows from one label of the vertical axis to the next.
constexpr std::size_t kPipeWidth = 100;
constexpr std::size_t kMostDrawn = 8;
constexpr std::size_t kMostInLegend = 40;
constexpr std::size_t kSparkWidth = 20;
constexpr std::size_t kDotColumns = 2;  // Of a braille character.
constexpr std::size_t kDotRows = 4;
constexpr double kFlat = 0.7;  // From where on the axis need not begin at zero.

struct Extent {
  double least = 0;
  double greatest = 0;
  bool is_known = false;
};

Extent extent_of(const ChartSeries& series) {
  Extent extent;
  for (const auto& value : series.values) {
    if (!value) continue;
    extent.least = extent.is_known ? std::min(extent.least, *value) : *value;
    extent.greatest = extent.is_known ? std::max(extent.greatest, *value) : *value;
    extent.is_known = true;
  }
  return extent;
}

/// What the vertical axis shows: rounded, and from zero unless all values lie far from it.
Extent axis_of(const std::vector<ChartSeries>& series, std::size_t count) {
  Extent all;
  for (std::size_t i = 0; i < count; ++i) {
    const Extent one = extent_of(series[i]);
    if (!one.is_known) continue;
    all.least = all.is_known ? std::min(all.least, one.least) : one.least;
    all.greatest = all.is_known ? std::max(all.greatest, one.greatest) : one.greatest;
    all.is_known = true;
  }
  constexpr double kNoise = 1e-6;  // What differs by less is the same, computed in other ways.
  const bool is_far = all.least > 0 && all.least > all.greatest * kFlat &&
                      all.greatest - all.least > all.greatest * kNoise;
  if (all.least > 0 && !is_far) all.least = 0;
  if (all.greatest < 0) all.greatest = 0;
  if (all.greatest == all.least) all.greatest = all.least + 1;
  constexpr double kTicks = static_cast<double>(kRows) / kTickRows;
  const double raw = (all.greatest - all.least) / kTicks;
  const double power = std::pow(10, std::floor(std::log10(raw)));
  for (const double factor : {1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0}) {
    const double step = factor * power;
    const double from = std::floor(all.least / step + 1e-9) * step;
    if (from + step * kTicks < all.greatest * (1 - 1e-9)) continue;
    return {.least = from, .greatest = from + step * kTicks, .is_known = all.is_known};
  }
  return all;
}

/// Characters of 2 × 4 dots each, and the line whose colour each has.
class Canvas {
 public:
  Canvas(std::size_t width, std::size_t height)
      : width_(width), dots_(width * height, 0), owner_(width * height, 0) {}

  void set(long x, long y, std::size_t line) {
    if (x < 0 || y < 0) return;
    const std::size_t column = static_cast<std::size_t>(x) / kDotColumns;
    const std::size_t row = static_cast<std::size_t>(y) / kDotRows;
    if (column >= width_ || row * width_ + column >= dots_.size()) return;
    static constexpr unsigned kBits[kDotRows][kDotColumns] = {
        {0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
    dots_[row * width_ + column] |= kBits[y % static_cast<long>(kDotRows)][x % 2];
    owner_[row * width_ + column] = line;
  }

  void draw(long from_x, long from_y, long to_x, long to_y, std::size_t line) {
    const long steps = std::max({std::labs(to_x - from_x), std::labs(to_y - from_y), 1L});
    for (long i = 0; i <= steps; ++i) {
      set(from_x + (to_x - from_x) * i / steps, from_y + (to_y - from_y) * i / steps, line);
    }
  }

  [[nodiscard]] std::string row(std::size_t row, const Style& style) const {
    std::string text;
    for (std::size_t column = 0; column < width_; ++column) {
      const unsigned dots = dots_[row * width_ + column];
      if (dots == 0) {
        text += ' ';
        continue;
      }
      const std::string braille = {static_cast<char>(0xE2), static_cast<char>(0xA0U | (dots >> 6U)),
                                   static_cast<char>(0x80U | (dots & 0x3FU))};
      text += style.paint(color_at(owner_[row * width_ + column]), braille);
    }
    while (text.ends_with(' ')) text.pop_back();
    return text;
  }

 private:
  std::size_t width_;
  std::vector<unsigned> dots_;
  std::vector<std::size_t> owner_;
};

void draw(Canvas& canvas, const ChartSeries& series, std::size_t index, const Extent& axis,
          std::size_t width) {
  const auto x_of = [&](std::size_t i) {
    const auto last = static_cast<double>(std::max<std::size_t>(1, series.values.size() - 1));
    const double share = static_cast<double>(i) / last;
    return std::lround(share * static_cast<double>(width * kDotColumns - 1));
  };
  const auto y_of = [&](double value) {
    const double share = (value - axis.least) / (axis.greatest - axis.least);
    return std::lround((1 - share) * static_cast<double>(kRows * kDotRows - 1));
  };
  for (std::size_t i = 0; i < series.values.size(); ++i) {
    if (!series.values[i]) continue;
    const long x = x_of(i);
    const long y = y_of(*series.values[i]);
    if (i > 0 && series.values[i - 1]) {
      canvas.draw(x_of(i - 1), y_of(*series.values[i - 1]), x, y, index);
    } else {
      canvas.set(x, y, index);
    }
  }
}

std::string time_axis(const ChartAxis& axis, std::size_t margin, std::size_t width) {
  const std::int64_t length_ns = axis.step_ns * static_cast<std::int64_t>(axis.buckets);
  const std::size_t label_width = columns(axis_text(axis.start_ns, length_ns));
  const std::size_t labels = std::clamp<std::size_t>(width / (label_width * 2 + 2), 2, 6);
  std::string ticks = std::string(margin, ' ') + "└" + repeated("─", width);
  std::string text;
  for (std::size_t i = 0; i < labels; ++i) {
    const double share = static_cast<double>(i) / static_cast<double>(labels - 1);
    const auto bucket =
        std::llround(share * static_cast<double>(std::max<std::size_t>(1, axis.buckets) - 1));
    const auto at = static_cast<std::size_t>(std::lround(share * static_cast<double>(width - 1)));
    const std::size_t start = i == 0            ? 0
                              : i + 1 == labels ? width - label_width
                                                : at - label_width / 2;
    text = pad_right(std::move(text), margin + 1 + start) +
           axis_text(axis.start_ns + bucket * axis.step_ns, length_ns);
  }
  return ticks + "\n" + text + "\n";
}

std::string legend(const std::vector<ChartSeries>& series, const Style& style) {
  std::vector<std::vector<Cell>> rows;
  for (std::size_t i = 0; i < std::min(series.size(), kMostInLegend); ++i) {
    const Extent extent = extent_of(series[i]);
    std::optional<double> last;
    for (const auto& value : series[i].values) {
      if (value) last = value;
    }
    const auto shown = [&](double value) {
      return extent.is_known ? value_text(value, series[i].unit) : std::string("–");
    };
    const std::string_view sgr = i < kMostDrawn ? color_at(i) : color::kNone;
    rows.push_back({{.text = (i < kMostDrawn ? "● " : "  ") + series[i].label, .sgr = sgr},
                    {.text = sparkline(series[i].values, kSparkWidth), .sgr = sgr},
                    {.text = value_text(last, series[i].unit), .sgr = color::kBold},
                    {.text = shown(extent.least)},
                    {.text = shown(extent.greatest)}});
  }
  std::string text = table({{.title = "  SERIES", .can_shrink = true},
                            {.title = "OVER TIME"},
                            {.title = "LAST", .is_number = true},
                            {.title = "LEAST", .is_number = true},
                            {.title = "GREATEST", .is_number = true}},
                           rows, style);
  if (series.size() > kMostInLegend) {
    text += "… " + std::to_string(series.size() - kMostInLegend) + " more series\n";
  }
  return text;
}

}  // namespace

std::string chart(const std::vector<ChartSeries>& series, const ChartAxis& axis,
                  const Style& style) {
  if (series.empty()) return {};
  const std::size_t drawn = std::min(series.size(), kMostDrawn);
  const Extent extent = axis_of(series, drawn);
  std::vector<std::string> labels(kRows);
  std::size_t margin = 0;
  for (std::size_t row = 0; row <= kRows; row += kTickRows) {
    const double share = static_cast<double>(row) / static_cast<double>(kRows);
    std::string& label = labels[std::min(row, kRows - 1)];
    label =
        value_text(extent.greatest - share * (extent.greatest - extent.least), series.front().unit);
    margin = std::max(margin, columns(label) + 1);
  }
  const std::size_t in_all = style.width == 0 ? kPipeWidth : style.width;
  const std::size_t width = in_all > margin + 21 ? in_all - margin - 1 : 20;
  Canvas canvas(width, kRows);
  for (std::size_t i = drawn; i-- > 0;) draw(canvas, series[i], i, extent, width);
  std::string text;
  for (std::size_t row = 0; row < kRows; ++row) {
    const bool has_label = !labels[row].empty();
    text += style.paint(color::kDim, pad_left(labels[row] + (has_label ? " " : ""), margin) +
                                         (has_label ? "┤" : "│"));
    text += canvas.row(row, style) + "\n";
  }
  return text + style.paint(color::kDim, time_axis(axis, margin, width)) + legend(series, style);
}

}  // namespace signalbox::server::cli
