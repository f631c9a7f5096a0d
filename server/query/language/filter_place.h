#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "server/query/language/filter.h"

namespace signalbox::server::query {

/// Where somebody writes in a filter.
struct FilterPlace {
  enum class Form : std::uint8_t {
    kNothing,   ///< Between two words, or at one's begin.
    kBare,      ///< A word, a number or a sign.
    kQuoted,    ///< In quotes.
    kBacktick,  ///< In backticks.
  };
  Form form = Form::kNothing;
  std::string typed;  ///< Of what is being written, the part before the place; without quotes.
  /// Bytes of the filter that stand for what is being written, quotes included; a quote that is not
  /// closed ends at the place.
  std::size_t begin = 0;
  std::size_t end = 0;
  FilterExpectation expected;  ///< In place of these bytes.
};

/// `text` may be wrong, or begun only. `position`: bytes from its start, at most its length. Throws
/// QueryError if the text is longer than a filter may be.
FilterPlace place_in_filter(std::string_view text, std::size_t position);

}  // namespace signalbox::server::query
