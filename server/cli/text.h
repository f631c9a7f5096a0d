#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// Text on a terminal: what may stand there, how wide it is, how it is cut. Texts are UTF-8.
namespace signalbox::server::cli {

/// `text` on one line without what would steer a terminal: control characters and marks of writing
/// direction become a visible sign, bytes that are not UTF-8 become U+FFFD.
std::string printable(std::string_view text);

/// How many columns `text`, which is printable, takes.
std::size_t columns(std::string_view text);

/// `text` within `width` columns, with … where it was cut. A width of 0 cuts nothing.
std::string cut(std::string_view text, std::size_t width);

/// `text` filled with spaces to `width` columns.
std::string pad_right(std::string text, std::size_t width);
std::string pad_left(const std::string& text, std::size_t width);

/// `text` so many times.
std::string repeated(std::string_view text, std::size_t times);

}  // namespace signalbox::server::cli
