#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/config/options.h"

namespace signalbox::server::config {

/// One field of ServeOptions as the outside knows it. `name` is its key in the configuration file;
/// `--name` its flag; SIGNALBOX_NAME its variable.
struct Setting {
  enum class Kind {
    kText,
    kSwitch,  ///< true or false; the flag alone means true.
    kList,    ///< The flag may be repeated; the variable has one value; the file a list.
  };

  std::string_view name;  ///< Lowercase words joined by '-'.
  std::string_view type;  ///< What to write, e.g. "ADDRESS:PORT".
  std::string_view description;
  Kind kind = Kind::kText;
  /// Sets the field. `values` has one element, of a list any number. Throws std::invalid_argument,
  /// whose message says what is allowed; the field is unchanged then.
  void (*set)(ServeOptions& options, const std::vector<std::string>& values);
  /// The field as text that `set` reads; a list's elements are joined by ", ".
  std::string (*get)(const ServeOptions& options);

  [[nodiscard]] std::string flag() const;
  [[nodiscard]] std::string variable() const;
};

/// All of them, in the order in which people are told of them.
std::span<const Setting> settings();

/// The setting called `name`, or null.
const Setting* find_setting(std::string_view name);

/// The setting whose name is closest to `name`, to suggest; null if none is close.
const Setting* closest_setting(std::string_view name);

/// Levenshtein's.
std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace signalbox::server::config
