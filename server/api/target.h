#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/query/plan/time_range.h"

namespace signalbox::server::api {

/// Decodes %XX, and '+' as a space if `plus_is_space`. Nothing if it is malformed or holds a NUL.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space);

/// The path and the parameters of a request's target.
///
/// Each getter checks its parameter and throws query::QueryError that names it. Once all have been
/// asked for, `refuse_others` refuses what nobody asked for: a misspelt parameter is an error, not
/// ignored. Not thread-safe.
class Target {
 public:
  /// Throws query::QueryError if `target` is malformed.
  static Target parse(std::string_view target);

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

  /// Nothing if absent; for names, which may be empty.
  std::optional<std::string> name(std::string_view name);
  /// As `name`; must be there.
  std::string required_name(std::string_view name);
  /// Empty if absent.
  std::string text(std::string_view name);
  /// As `text`; must be there and not be empty.
  std::string required_text(std::string_view name);
  std::vector<std::string> texts(std::string_view name, std::size_t max_count);
  /// `fallback` if absent.
  std::int64_t integer(std::string_view name, std::int64_t least, std::int64_t greatest,
                       std::int64_t fallback);
  std::optional<std::int64_t> nanoseconds(std::string_view name);
  bool flag(std::string_view name);
  /// Index of the value in `choices`; 0, the default, if absent.
  std::size_t choice(std::string_view name, std::initializer_list<std::string_view> choices);
  /// Lowercase; empty if absent.
  std::string hex_id(std::string_view name, std::size_t digits);
  /// `start` and `end`; by default the 15 minutes before `now_ns`.
  query::TimeRange range(std::int64_t now_ns);

  void refuse_others() const;

 private:
  struct Parameter {
    std::string name;
    std::string value;
    bool is_known = false;
  };
  std::optional<std::string> single(std::string_view name);

  std::string path_;
  std::vector<Parameter> parameters_;
  std::vector<std::string> asked_;
};

/// `text` in lowercase if it is `digits` hexadecimal digits; else throws query::QueryError.
std::string parse_hex_id(std::string_view name, std::string_view text, std::size_t digits);

}  // namespace signalbox::server::api
