#pragma once

#include <string_view>
#include <vector>

#include "otlp/arena.h"
#include "otlp/records.h"
#include "server/query/plan/rows.h"

/// Values as the tables keep them, back into those that were sent (see store::append_text).
namespace signalbox::server::query {

/// "" of an id that is all zero: none was sent.
std::string_view id_or_none(std::string_view bytes);

/// The value of this text and character of a type. Bytes lie in `arena`. Throws std::runtime_error
/// if the text is none of this type.
otlp::ValueView stored_value(char type, std::string_view text, otlp::internal::Arena& arena);

/// Attributes of these keys, texts and types.
std::vector<otlp::KeyValueView> stored_attributes(const std::vector<std::string_view>& keys,
                                                  const std::vector<std::string_view>& texts,
                                                  std::string_view types,
                                                  otlp::internal::Arena& arena);

/// Reads the columns of attribute_columns().
std::vector<otlp::KeyValueView> read_attributes(RowReader& row, otlp::internal::Arena& arena);

}  // namespace signalbox::server::query
