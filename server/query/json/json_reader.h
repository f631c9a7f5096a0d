#pragma once

#include <array>
#include <boost/json/value.hpp>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/query/language/filter.h"
#include "server/query/plan/time_range.h"

namespace signalbox::server::query {

/// The body of a request. Throws QueryError.
boost::json::value parse_body(std::string_view text);

/// Throws QueryError: `path` (e.g. "queries.a.step") and the message behind it say what is wrong.
[[noreturn]] void refuse(const std::string& path, const std::string& message);

/// A value of a request, and where it stands. Each getter throws QueryError, which names the place,
/// if the value is of another kind. Lifetime: the value outlives it.
class JsonReader {
 public:
  explicit JsonReader(const boost::json::value& value, std::string path = "")
      : value_(value), path_(std::move(path)) {}

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

  /// It is an object, and has no members but these.
  void expect_members(std::initializer_list<std::string_view> allowed) const;
  [[nodiscard]] const boost::json::object& members() const;
  [[nodiscard]] std::optional<JsonReader> member(std::string_view key) const;
  [[nodiscard]] std::vector<JsonReader> array(std::size_t most) const;
  [[nodiscard]] std::string text() const;
  [[nodiscard]] bool flag() const;
  [[nodiscard]] double number() const;
  [[nodiscard]] std::int64_t integer(std::int64_t least, std::int64_t most) const;
  /// As the API writes them: a text of digits.
  [[nodiscard]] std::int64_t nanoseconds() const;
  /// The second of the pair whose first is the text.
  template <typename T, std::size_t kCount>
  T choice(const std::array<std::pair<std::string_view, T>, kCount>& choices) const {
    const std::string name = text();
    std::string list;
    for (const auto& [known, value] : choices) {
      if (known == name) return value;
      list.append(list.empty() ? "" : ", ") += known;
    }
    refuse(path_, "must be one of: " + list + ".");
  }
  [[nodiscard]] FilterNode filter() const;
  /// Its members `start` and `end`: by default the 15 minutes before `now_ns`, or before its end.
  [[nodiscard]] TimeRange range(std::int64_t now_ns) const;

 private:
  [[nodiscard]] std::string path_of(std::string_view member) const;

  const boost::json::value& value_;
  std::string path_;
};

}  // namespace signalbox::server::query
