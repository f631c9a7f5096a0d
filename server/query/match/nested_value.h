#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "server/query/language/nested.h"

namespace signalbox::server::query {

/// The text of the value at `path` inside of `text`, as `nested_place` has it: `text` is a list or
/// array that was sent, as the store keeps it, or JSON. Nothing if there is none.
[[nodiscard]] std::optional<std::string> nested_text(std::string_view text, const NestedPath& path);

}  // namespace signalbox::server::query
