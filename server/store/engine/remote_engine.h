#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/store/engine/engine.h"

namespace signalbox::server::store {

/// A ClickHouse server, or several replicas of one, over its HTTP interface; version 26 or later.
///
/// A statement goes to the endpoint that answered last; if it cannot be reached, to the next one,
/// and it is left alone for some seconds. A statement that an endpoint may have begun is not
/// repeated elsewhere, but for queries of which nothing has been handed on and inserts with a
/// deduplication token.
///
/// Thread-safety: as Engine says. The destructor waits for nothing: no statement may be under way.
/// Errors: EngineError; kNetworkError if no endpoint can be reached or a connection breaks.
class RemoteEngine final : public Engine {
 public:
  struct Options {
    std::vector<std::string> urls;  ///< "https://ch1:8443"; at least one.
    std::string user = "default";
    std::string password;
    std::string ca_file;                        ///< PEM, to verify https; empty: the system's.
    std::uint32_t ingest_connections = 2;       ///< > 0.
    std::uint32_t interactive_connections = 3;  ///< > 0.
    std::uint32_t background_connections = 1;   ///< > 0.
  };

  /// Makes the database `signalbox` if it is missing. Throws std::invalid_argument for a bad URL.
  explicit RemoteEngine(const Options& options);
  ~RemoteEngine() override;
  RemoteEngine(const RemoteEngine&) = delete;
  RemoteEngine& operator=(const RemoteEngine&) = delete;

  void execute(const std::string& sql) override;
  void execute_long(const std::string& sql, std::string_view table,
                    const std::stop_token& stop) override;
  QueryResult query(const std::string& sql, const std::vector<Parameter>& parameters = {},
                    const QueryOptions& options = {}) override;
  QueryResult query_stream(const std::string& sql, const std::vector<Parameter>& parameters,
                           const QueryOptions& options, const ResultSink& sink) override;
  using Engine::insert_native;
  void insert_native(std::string_view table, std::span<const std::string_view> pieces,
                     const InsertOptions& options) override;

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace signalbox::server::store
