#pragma once

#include <signalbox/common/attribute.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace signalbox::metrics::detail {

/// The set that `attributes` denotes, as the OTLP KeyValues of a data point, fields number `field`:
/// sorted by key, of equal keys the last, without empty keys. Equal sets, in whichever order they
/// were given, give equal strings; unequal ones unequal strings.
[[nodiscard]] std::string canonical_attributes(std::uint32_t field, Attributes attributes);

/// How a call spelled its attributes: their values in the order given, to find the series of a call
/// without sorting. Arrays have no spelling.
///
/// `hash_spelling` sets `ok` to false if there is an array. Attributes with equal spellings are
/// equal; equal sets may be spelled differently.
[[nodiscard]] std::uint64_t hash_spelling(std::uint64_t seed, Attributes attributes,
                                          bool& ok) noexcept;
[[nodiscard]] std::string make_spelling(Attributes attributes);
[[nodiscard]] bool is_spelled(std::string_view spelling, Attributes attributes) noexcept;

}  // namespace signalbox::metrics::detail
