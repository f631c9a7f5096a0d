#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/store/engine/engine.h"

namespace signalbox::server::store {

/// One connection to the ClickHouse in this process; runs one statement at a time.
///
/// Thread-safety: one thread at a time. A statement can be ended from another connection only, by
/// KILL QUERY. Errors: EngineError.
class ChdbConnection {
 public:
  /// `arguments` are those of ClickHouse's command line, e.g. "--path=/data" or "--readonly=1". The
  /// first connection of the process boots the engine with them.
  explicit ChdbConnection(std::vector<std::string> arguments);
  ~ChdbConnection();
  ChdbConnection(const ChdbConnection&) = delete;
  ChdbConnection& operator=(const ChdbConnection&) = delete;

  QueryResult query(const std::string& sql, const std::vector<Parameter>& parameters = {});

  /// Hands the result to `sink` in pieces of about a megabyte; see Engine::query_stream.
  QueryResult query_stream(const std::string& sql, const std::vector<Parameter>& parameters,
                           const ResultSink& sink);

  /// `statement` is an INSERT without data and FORMAT clause. After an error the connection is not
  /// to be used again.
  void insert(std::string_view statement, std::string_view format,
              std::span<const std::string_view> pieces);

 private:
  struct Handle;
  std::unique_ptr<Handle> handle_;
};

}  // namespace signalbox::server::store
