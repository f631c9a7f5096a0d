#pragma once

#include <cstdint>
#include <string>

namespace signalbox::demo {

/// The `n`-th Fibonacci number in decimal, exact for every `n`: F(0) = 0, F(1) = 1, and F(255), the
/// largest, has 53 digits, more than any built-in integer holds.
[[nodiscard]] std::string fibonacci(std::uint8_t n);

}  // namespace signalbox::demo
