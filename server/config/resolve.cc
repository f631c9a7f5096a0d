#include "server/config/resolve.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <stdexcept>
#include <string_view>

#include "server/ascii.h"
#include "server/config/settings.h"

namespace signalbox::server::config {
namespace {

void set(Resolved& resolved, const Setting& setting, const std::vector<std::string>& values,
         const std::string& origin) {
  try {
    setting.set(resolved.options, values);
  } catch (const std::invalid_argument& error) {
    throw ConfigError(origin + ": " + error.what());
  }
  resolved.origins[std::string(setting.name)] = origin;
}

const Setting& known(const FileEntry& entry) {
  if (const Setting* const setting = find_setting(entry.key)) return *setting;
  std::string message = entry.place + ": there is no setting \"" + entry.key.substr(0, 100) + "\"";
  if (const Setting* const closest = closest_setting(entry.key)) {
    message += "; did you mean \"" + std::string(closest->name) + "\"?";
  } else {
    message += "; allowed are:";
    for (const Setting& setting : settings()) message += " " + std::string(setting.name);
  }
  throw ConfigError(message);
}

void take_file(Resolved& resolved, const std::filesystem::path& path) {
  for (const FileEntry& entry : read_yaml_file(path)) {
    const Setting& setting = known(entry);
    if (entry.is_list && setting.kind != Setting::Kind::kList) {
      throw ConfigError(entry.place + ": \"" + entry.key + "\" is a list; allowed is one value (" +
                        std::string(setting.type) + ")");
    }
    try {
      setting.set(resolved.options, entry.values);
    } catch (const std::invalid_argument& error) {
      throw ConfigError(entry.place + ": " + entry.key + ": " + error.what());
    }
    resolved.origins[entry.key] = entry.place;
  }
}

}  // namespace

std::optional<std::string> process_environment(const std::string& name) {
  // Read before any thread is made.
  const char* const value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe)
  if (value == nullptr) return std::nullopt;
  return value;
}

std::vector<std::string> process_variables() {
  std::vector<std::string> names;
  for (const char* const* at = environ; at != nullptr && *at != nullptr; ++at) {
    const std::string_view variable = *at;
    names.emplace_back(variable.substr(0, variable.find('=')));
  }
  return names;
}

std::vector<std::string> mistyped_variables(std::span<const std::string> names) {
  constexpr std::string_view kPrefix = "SIGNALBOX_";
  std::vector<std::string> sentences;
  for (const std::string& name : names) {
    if (!name.starts_with(kPrefix)) continue;
    std::string setting = name.substr(kPrefix.size());
    for (char& c : setting) c = c == '_' ? '-' : to_lower(c);
    if (setting == "config" || find_setting(setting) != nullptr) continue;
    if (const Setting* const closest = closest_setting(setting)) {
      sentences.push_back(name +
                          " is not a setting's variable and holds for nothing; did you mean " +
                          closest->variable() + "?");
    }
  }
  return sentences;
}

Resolved resolve(const Flags& flags, const Environment& environment,
                 const std::filesystem::path& file) {
  Resolved resolved;
  for (const Setting& setting : settings()) {
    resolved.origins.emplace(setting.name, "default");
  }
  if (!file.empty()) take_file(resolved, file);
  for (const Setting& setting : settings()) {
    if (const auto value = environment(setting.variable())) {
      set(resolved, setting, {*value}, setting.variable());
    }
    if (const auto flag = flags.find(setting.name); flag != flags.end()) {
      set(resolved, setting, flag->second, setting.flag());
    }
  }
  if (resolved.options.tls_certificate.empty() != resolved.options.tls_key.empty()) {
    throw ConfigError("--tls-cert and --tls-key belong together: give both, or neither");
  }
  return resolved;
}

std::filesystem::path configuration_file(const std::string& flag, const Environment& environment) {
  return flag.empty() ? environment("SIGNALBOX_CONFIG").value_or("") : flag;
}

std::string describe(const Resolved& resolved) {
  std::size_t name_width = 0;
  std::size_t value_width = 0;
  for (const Setting& setting : settings()) {
    name_width = std::max(name_width, setting.name.size());
    value_width = std::max(value_width, setting.get(resolved.options).size());
  }
  std::string text;
  for (const Setting& setting : settings()) {
    std::string value = setting.get(resolved.options);
    if (value.empty()) value = "-";
    text += std::string(setting.name) + std::string(name_width - setting.name.size() + 2, ' ');
    text += value + std::string(value_width + 2 - std::min(value_width, value.size()), ' ');
    text += resolved.origins.at(std::string(setting.name)) + '\n';
  }
  return text;
}

}  // namespace signalbox::server::config
