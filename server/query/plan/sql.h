#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/store/engine/engine.h"

namespace signalbox::server::query {

/// Collects the values of one statement as bound parameters, so that no value is ever part of the
/// SQL text. Each `bind` returns the placeholder to write in its place. Not thread-safe.
class Parameters {
 public:
  /// "{p0:String}"
  std::string bind(std::string_view text);
  /// "{p0:Int64}"
  std::string bind_int(std::int64_t value);
  /// "{p0:Float64}"; `value` is finite.
  std::string bind_double(double value);

  [[nodiscard]] const std::vector<store::Parameter>& values() const noexcept { return values_; }

 private:
  std::string add(std::string_view type, std::string value);
  std::vector<store::Parameter> values_;
};

/// The text of a String parameter: ClickHouse reads it as it reads TabSeparated fields.
std::string escape_parameter(std::string_view text);

}  // namespace signalbox::server::query
