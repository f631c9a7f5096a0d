#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace signalbox::server::store::testing {

/// For tests: speaks ClickHouse's HTTP interface for the ClickHouse in this process, as far as
/// RemoteEngine needs it. Programs built with a sanitizer cannot load libchdb and talk to this one.
///
/// Beyond the engine's own behaviour: the setting `log_comment` of a statement is its query_id, and
/// a KILL QUERY finds statements by it, because libchdb gives statements ids of its own.
///
/// Thread-safety: one thread. Lifetime: at most one at a time in a process, none beside an
/// EmbeddedEngine. The destructor ends all connections.
class ChdbFront {
 public:
  struct Options {
    std::filesystem::path folder;  ///< For the data.
    std::uint16_t port = 0;        ///< On 127.0.0.1; 0 takes a free one.
    std::string password;          ///< What a request must have; empty: nothing.
  };

  explicit ChdbFront(const Options& options);
  ~ChdbFront();
  ChdbFront(const ChdbFront&) = delete;
  ChdbFront& operator=(const ChdbFront&) = delete;

  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] std::string url() const;

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace signalbox::server::store::testing
