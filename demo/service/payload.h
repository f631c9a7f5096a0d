#pragma once

#include <cstdint>
#include <string_view>

#include "signalbox/common/result.h"

namespace signalbox::demo {

/// The body of a request to `/fibonacci`.
struct FibonacciRequest {
  std::uint8_t number = 0;
};

/// Parses `{"number": n}` with 0 ≤ n ≤ 255. Unknown fields are ignored.
///
/// An error's message says what is wrong and where, as in
/// ``invalid value: integer `20111111`, expected u8 at line 1 column 19``. Lines count from 1; a
/// column is the number of bytes of its line up to and including the last one looked at. Values
/// nested deeper than 128 levels are refused.
[[nodiscard]] Result<FibonacciRequest> parse_fibonacci_request(std::string_view body);

}  // namespace signalbox::demo
