#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "server/query/language/filter.h"

/// Numbers as texts, read as ClickHouse reads them.
namespace signalbox::server::query {

/// As `toFloat64OrNull`; nothing if the text is no number.
[[nodiscard]] std::optional<double> double_of_text(std::string_view text);
/// As `toInt64OrNull`.
[[nodiscard]] std::optional<std::int64_t> integer_of_text(std::string_view text);

/// Whether `value` is an integer that no double holds.
[[nodiscard]] bool is_large_integer(const FilterValue& value);

}  // namespace signalbox::server::query
