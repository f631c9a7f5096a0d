#include "server/cli/style.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdlib>

namespace signalbox::server::cli {
namespace {

constexpr std::array<std::string_view, 10> kPalette = {
    "38;5;33",  "38;5;208", "38;5;71",  "38;5;170", "38;5;37",
    "38;5;178", "38;5;105", "38;5;174", "38;5;107", "38;5;67"};
constexpr std::size_t kUsualWidth = 80;
constexpr std::size_t kLeastWidth = 40;

bool is_set(const char* variable) {
  const char* const value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

std::size_t terminal_width() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kUsualWidth;
  return size.ws_col < kLeastWidth ? kLeastWidth : size.ws_col;
}

}  // namespace

std::string Style::paint(std::string_view sgr, std::string_view text) const {
  if (!has_color || sgr.empty() || text.empty()) return std::string(text);
  std::string painted = "\x1b[";
  painted.append(sgr).append("m").append(text).append("\x1b[0m");
  return painted;
}

Style style_of_stdout(const config::Output& output) {
  const bool is_terminal = isatty(STDOUT_FILENO) == 1;
  Style style;
  const char* const terminal = std::getenv("TERM");
  const bool is_dumb = terminal != nullptr && std::string_view(terminal) == "dumb";
  style.has_color = output.color == "always" ||
                    (output.color == "auto" && is_terminal && !is_set("NO_COLOR") && !is_dumb);
  if (is_terminal && !output.wide) style.width = terminal_width();
  return style;
}

std::string_view color_of(std::string_view name) {
  std::uint32_t hash = 2166136261U;  // FNV-1a: the same in every run.
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  return color_at(hash);
}

std::string_view color_at(std::size_t index) {
  return kPalette.at(index % kPalette.size());
}

}  // namespace signalbox::server::cli
