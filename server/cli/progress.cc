#include "server/cli/progress.h"

#include <unistd.h>

#include <array>
#include <cstdio>
#include <utility>
#include <vector>

#include "server/cli/waterfall.h"

namespace signalbox::server::cli {
namespace {

constexpr std::chrono::milliseconds kInterval{200};
constexpr std::size_t kBarColumns = 24;
constexpr const char* kToBeginning = "\r\x1B[K";

}  // namespace

Progress::Progress(std::ostream& out) : out_(out), is_terminal_(isatty(STDERR_FILENO) != 0) {}

Progress::~Progress() {
  if (is_shown_) out_ << kToBeginning << std::flush;
}

void Progress::show(const std::string& text, std::optional<double> share) {
  const auto now = std::chrono::steady_clock::now();
  if (!is_terminal_ || now - last_ < kInterval) return;
  last_ = now;
  is_shown_ = true;
  out_ << kToBeginning;
  if (share) {
    std::array<char, 16> percent{};
    std::snprintf(percent.data(), percent.size(), "%3.0f %%", *share * 100);
    out_ << '[' << bar(0, *share, kBarColumns) << "] " << percent.data() << "  ";
  }
  out_ << text << std::flush;
}

void Progress::say(const std::string& line) {
  if (is_shown_) out_ << kToBeginning;
  is_shown_ = false;
  out_ << line << '\n';
}

std::string grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, ",");
  return text;
}

std::string counted(std::uint64_t count, const char* one, const char* many) {
  return grouped(count) + " " + (count == 1 ? one : many);
}

std::string bytes_text(std::uint64_t bytes) {
  constexpr std::array kUnits{"bytes", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < kUnits.size(); ++unit) value /= 1024;
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
  return text.data();
}

std::string records_text(std::uint64_t spans, std::uint64_t log_records, std::uint64_t points) {
  std::vector<std::string> parts;
  const auto add = [&](std::uint64_t count, const char* one, const char* many) {
    if (count != 0) parts.push_back(counted(count, one, many));
  };
  add(spans, "span", "spans");
  add(log_records, "log record", "log records");
  add(points, "metric point", "metric points");
  if (parts.empty()) return "no records";
  std::string text = parts[0];
  for (std::size_t i = 1; i < parts.size(); ++i) {
    text += (i + 1 == parts.size() ? " and " : ", ") + parts[i];
  }
  return text;
}

}  // namespace signalbox::server::cli
