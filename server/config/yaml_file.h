#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

namespace signalbox::server::config {

/// The configuration cannot be used; the message names the place and says what is allowed.
class ConfigError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// One `key: value` of a configuration file.
struct FileEntry {
  std::string key;
  std::vector<std::string> values;  ///< One, or those of a list.
  bool is_list = false;
  std::string place;  ///< "signalbox.yaml:12".
};

/// The entries of a YAML file whose top level is a map of scalars and lists of scalars, in order.
/// Errors: ConfigError with file and line, also for a key that is there twice.
std::vector<FileEntry> read_yaml_file(const std::filesystem::path& path);

}  // namespace signalbox::server::config
