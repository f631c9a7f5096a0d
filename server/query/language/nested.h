#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/query/plan/fields.h"
#include "server/query/plan/sql.h"

/// Values inside of values: log bodies and attributes that are lists, or whose text is JSON.
namespace signalbox::server::query {

/// Into a list by key, or into an array by index.
struct NestedStep {
  std::string key;
  std::optional<std::uint32_t> index = {};  ///< From 0; `key` is then empty.

  bool operator==(const NestedStep&) const = default;
};

using NestedPath = std::vector<NestedStep>;

inline constexpr std::size_t kMaxNestedSteps = 16;

/// The steps of `user.items[0].name`; one at least. What is beyond the limit belongs to the last
/// key.
NestedPath parse_nested_path(std::string_view text);

/// An attribute, and the way to a value inside of its value.
struct NestedKey {
  std::string key;
  NestedPath path;
};

/// What `a.b[0]` may mean other than an attribute of this name: `[0]` of `a.b`, `b[0]` of `a`. At
/// most 8, the longest key first.
std::vector<NestedKey> nested_keys(std::string_view name);

/// The value at `path` in that of `outer`: one that was sent as a list or array, or JSON.
AttributePlace nested_place(const AttributePlace& outer, const NestedPath& path,
                            Parameters& parameters);

/// The ways to `path` (see parse_nested_path) in the body of a log record: it may also be one key
/// with dots in it.
std::vector<NestedPath> body_paths(std::string_view path);

/// Where the body of a log record may have the value `path`, by any of `body_paths`.
std::vector<AttributePlace> body_places(std::string_view path, Parameters& parameters);

}  // namespace signalbox::server::query
