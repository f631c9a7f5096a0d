#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "server/config/client_options.h"

namespace signalbox::server::cli {

/// Colours, as the parameters of the terminal's SGR sequence.
namespace color {
inline constexpr std::string_view kNone;
inline constexpr std::string_view kBold = "1";
inline constexpr std::string_view kDim = "2";
inline constexpr std::string_view kRed = "31";
inline constexpr std::string_view kGreen = "32";
inline constexpr std::string_view kYellow = "33";
inline constexpr std::string_view kCyan = "36";
inline constexpr std::string_view kError = "1;31";
}  // namespace color

/// What the output can show.
struct Style {
  bool has_color = false;
  std::size_t width = 0;  ///< Columns; 0: no terminal, cut nothing.

  /// `text` in a colour, if there are any.
  [[nodiscard]] std::string paint(std::string_view sgr, std::string_view text) const;
};

/// As the process's standard output is, and `output` wants it.
Style style_of_stdout(const config::Output& output);

/// One of some colours that are told apart on dark and on light ground, the same for equal names.
std::string_view color_of(std::string_view name);
/// The nth of them.
std::string_view color_at(std::size_t index);

}  // namespace signalbox::server::cli
