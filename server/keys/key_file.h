#pragma once

#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "server/keys/key.h"
#include "server/keys/rate.h"

namespace signalbox::server::keys {

/// The keys cannot be read or written; the message says why and what to do.
class KeyError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What is kept of a key: not the key itself.
struct KeyRecord {
  std::string name;     ///< Unique. Letters, digits, '.', '_' and '-'; 1 to 64 of them.
  std::string visible;  ///< The key's beginning.
  KeyHash hash{};
  std::string created;       ///< "2026-01-31T12:00:00Z".
  std::optional<Rate> rate;  ///< Nothing: without limit.
};

/// The ingestion keys of a data folder, in its file keys.json (mode 0600). A change replaces the
/// file at once and is synced before it returns; a running server reads it again by itself.
///
/// Errors: KeyError. Thread-safety: none; several processes may change it at one time.
class KeyFile {
 public:
  static constexpr std::size_t kMostKeys = 1000;

  explicit KeyFile(std::filesystem::path data_folder);

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

  /// Nothing if there is no file: no key was ever made.
  [[nodiscard]] std::optional<std::vector<KeyRecord>> read() const;

  /// Makes a key and returns it: it is nowhere to be seen again.
  std::string create(const std::string& name, std::optional<Rate> rate);

  /// Removes the key called `name`.
  void revoke(const std::string& name);

 private:
  std::filesystem::path folder_;
  std::filesystem::path path_;
};

}  // namespace signalbox::server::keys
