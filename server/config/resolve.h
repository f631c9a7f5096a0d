#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "server/config/options.h"
#include "server/config/yaml_file.h"

namespace signalbox::server::config {

/// The value of a variable, or nothing if it is not set.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

/// The process's own.
std::optional<std::string> process_environment(const std::string& name);

/// The names of the process's variables.
std::vector<std::string> process_variables();

/// A sentence for each of the variables `names` that is likely to be a setting's, mistyped. Others
/// that begin with SIGNALBOX_ may be somebody else's: Kubernetes makes some for a service of that
/// name.
std::vector<std::string> mistyped_variables(std::span<const std::string> names);

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

/// The configuration file that the flag --config names, else that of SIGNALBOX_CONFIG; empty: none.
std::filesystem::path configuration_file(const std::string& flag, const Environment& environment);

/// A table for people: each setting, its value, and where it came from.
std::string describe(const Resolved& resolved);

}  // namespace signalbox::server::config
