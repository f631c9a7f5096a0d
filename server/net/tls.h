#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace boost::asio::ssl {
class context;  // NOLINT(readability-identifier-naming): Boost's name.
}  // namespace boost::asio::ssl

namespace signalbox::server::net {

/// Certificate and key of servers that speak TLS (1.2 or later), followed as their files change.
///
/// The files are looked at every few seconds; a pair whose text has changed is used for
/// connections from then on. A pair that cannot be used (a key of another certificate, half a
/// file) is reported once, and the old one stays in use.
///
/// Thread-safety: all members from any thread; `report` is called on a thread of this object.
/// Lifetime: shared by the servers that use it.
class TlsContext {
 public:
  /// Takes a sentence for the server's log, about a pair that was taken or refused.
  using Report = std::function<void(const std::string& message, bool is_error)>;
  /// What a server speaks within TLS, for ALPN.
  enum class Protocol : std::uint8_t { kHttp1, kHttp2 };

  /// Reads `certificate_file` (PEM: the server's certificate, then those that signed it) and
  /// `key_file` (PEM, without a passphrase). Throws std::runtime_error, naming the file and what to
  /// do, if they cannot be used. `interval` > 0 is the time between two looks at the files.
  static std::shared_ptr<TlsContext> create(
      const std::string& certificate_file, const std::string& key_file, Report report = {},
      std::chrono::milliseconds interval = std::chrono::seconds(2));

  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  /// What a new connection uses. Connections that have it keep it.
  [[nodiscard]] std::shared_ptr<boost::asio::ssl::context> context(Protocol protocol) const;

 private:
  struct Impl;
  explicit TlsContext(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace signalbox::server::net
