#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/keys/key_file.h"
#include "server/receive/authorizer.h"

namespace signalbox::server::keys {

/// Lets those send who have a key of the data folder.
///
/// Once there was a key, one is asked for: revoking the last does not open the server. Changes of
/// the file hold within half a second. A file that cannot be read, or is gone, leaves the last keys
/// in force, and is reported; if there were none, nobody may send.
///
/// Thread-safety: all members from any thread.
class KeyRing final : public receive::Authorizer {
 public:
  using Clock = std::chrono::steady_clock;

  struct Options {
    bool require_keys = false;  ///< Ask for a key also while there is none.
    std::function<Clock::time_point()> now = [] { return Clock::now(); };
    /// Told what is wrong with the file, once for each change of it. May be called on any thread.
    std::function<void(const std::string&)> report = [](const std::string&) {};
  };

  /// What one key has sent since the start.
  struct Usage {
    std::string name;
    std::uint64_t requests = 0;
    std::uint64_t request_bytes = 0;
    std::uint64_t rate_limited_requests = 0;
  };

  /// Reads the file. Throws KeyError.
  KeyRing(KeyFile file, Options options);
  ~KeyRing() override;
  KeyRing(const KeyRing&) = delete;
  KeyRing& operator=(const KeyRing&) = delete;

  Verdict authenticate(const net::Headers& headers) override;
  Verdict authorize(const net::Headers& headers, std::size_t request_bytes) override;

  /// Whether a key is asked for now.
  [[nodiscard]] bool asks_for_key() const;
  /// Of the keys that hold now.
  [[nodiscard]] std::vector<Usage> usage() const;
  [[nodiscard]] std::uint64_t unauthenticated_requests() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace signalbox::server::keys
