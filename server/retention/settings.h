#pragma once

#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "server/retention/policy.h"

namespace signalbox::server::retention {

/// What was asked for makes no sense; `field` names it, the message says what is allowed.
class SettingsError : public std::invalid_argument {
 public:
  SettingsError(std::string field_name, const std::string& message)
      : std::invalid_argument(message), field(std::move(field_name)) {}
  std::string field;
};

/// The retention in force: the configuration's, and what was changed at run time, which is kept in
/// the data folder's retention.json and wins until it is taken back.
///
/// Thread-safety: all members from any thread; `change` writes to disk.
class Settings {
 public:
  /// Throws std::runtime_error if the file there is damaged.
  Settings(const std::filesystem::path& data_folder, Policy configured);

  [[nodiscard]] Policy policy() const;

  /// {"traces":"15d","logs":"15d","metrics":"15d","max_disk":"100GiB","changed":["logs"]}.
  [[nodiscard]] std::string to_json() const;

  /// Takes an object with some of traces, logs, metrics, max_disk; null takes a change back. When
  /// it returns, the change is on disk. Throws SettingsError, and nothing has changed, or
  /// std::system_error if it cannot be written.
  void change(std::string_view json);

  /// Called after each change. Set it before any other thread knows this object.
  void on_change(std::function<void()> call) { on_change_ = std::move(call); }

 private:
  /// What differs from the configuration.
  struct Overrides {
    std::array<std::optional<std::chrono::seconds>, 3> keep;
    std::optional<std::uint64_t> max_disk_bytes;
  };
  static Overrides with(Overrides overrides, std::string_view json);
  static std::string text_of(const Overrides& overrides);
  [[nodiscard]] Policy policy_with(const Overrides& overrides) const;

  const std::filesystem::path path_;
  const Policy configured_;
  std::function<void()> on_change_;
  std::mutex change_mutex_;  ///< One change at a time; never taken with `mutex_` held.
  mutable std::mutex mutex_;
  Overrides overrides_;
};

}  // namespace signalbox::server::retention
