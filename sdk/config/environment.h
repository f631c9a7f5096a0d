#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace signalbox::sdk {

using NameValues = std::vector<std::pair<std::string, std::string>>;

/// Reads environment variables by the specification's rules: an empty one counts as not set, and
/// one with an invalid value is reported and counts as not set. Not thread-safe.
class Environment {
 public:
  using Lookup = std::function<std::optional<std::string>(const std::string& name)>;
  /// Null: the process's environment.
  explicit Environment(Lookup lookup);

  /// Without blanks at either end.
  [[nodiscard]] std::optional<std::string> text(const std::string& name) const;
  /// Only "true", in any case, is true; anything but that and "false" is reported.
  [[nodiscard]] bool flag(const std::string& name) const;
  [[nodiscard]] std::optional<std::uint64_t> count(
      const std::string& name, std::uint64_t min = 0,
      std::uint64_t max = std::numeric_limits<std::uint64_t>::max()) const;
  /// Milliseconds, > 0.
  [[nodiscard]] std::optional<std::chrono::milliseconds> interval(const std::string& name) const;
  /// Milliseconds; 0 means without limit and gives a very long time.
  [[nodiscard]] std::optional<std::chrono::milliseconds> timeout(const std::string& name) const;
  [[nodiscard]] std::optional<double> ratio(const std::string& name) const;
  /// Comma-separated words in lower case, without empty ones.
  [[nodiscard]] std::vector<std::string> words(const std::string& name) const;
  /// `name=value,…`, names and values percent-encoded as in W3C Baggage. One that is malformed
  /// makes all of it invalid, as the specification asks.
  [[nodiscard]] std::optional<NameValues> name_values(const std::string& name) const;

  /// Reports that the variable's value is not one that `expected` describes.
  void report_invalid(const std::string& name, std::string_view value,
                      std::string_view expected) const;

 private:
  Lookup lookup_;
};

}  // namespace signalbox::sdk
