#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "server/config/options.h"
#include "server/config/yaml_file.h"

namespace signalbox::server::config {

/// The value of a variable, or nothing if it is not set.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

/// The process's own.
std::optional<std::string> process_environment(const std::string& name);

/// The options, and for each setting where its value came from: "default", "file:line",
/// "SIGNALBOX_…" or "--…".
struct Resolved {
  ServeOptions options;
  std::map<std::string, std::string, std::less<>> origins;
};

/// What was given as flags, by the settings' names.
using Flags = std::map<std::string, std::vector<std::string>, std::less<>>;

/// Puts the sources together: a flag wins over a variable, that over the file, that over the
/// default. A value is checked also where another wins over it. `file` may be empty: none.
/// Errors: ConfigError.
Resolved resolve(const Flags& flags, const Environment& environment,
                 const std::filesystem::path& file);

/// A table for people: each setting, its value, and where it came from.
std::string describe(const Resolved& resolved);

}  // namespace signalbox::server::config
