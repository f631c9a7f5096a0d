#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/net/http.h"
#include "server/retention/settings.h"
#include "server/store/engine/engine.h"
#include "server/store/sql/first_tables.h"
#include "server/tail/hub.h"

namespace signalbox::server::api {

/// One request of the query API that has been answered.
struct ApiCall {
  std::string_view route;  ///< As openapi.yaml writes it; static. "" if there is no such path.
  std::string method;
  std::string target;  ///< Path and parameters.
  unsigned status = 0;
  std::string error;  ///< Why it failed, or "".
  std::chrono::system_clock::time_point start;
  std::chrono::nanoseconds duration{0};
  std::uint64_t rows_read = 0;
  std::uint64_t bytes_read = 0;
};

/// The query API of openapi.yaml below /api/v1/, and the web UI below every other path.
///
/// A request whose Host is neither an address, nor localhost, nor an allowed name is refused, so
/// that no page of a foreign site can read the data by letting its own name point here.
///
/// Thread-safety: all members from any thread. Lifetime: the engine outlives it, and it outlives
/// its handlers; the destructor waits for requests under way. Errors: the constructor throws
/// std::runtime_error; handlers answer every failure.
class Api {
 public:
  struct Options {
    store::Engine& engine;
    /// Read once, at construction; if it has no index.html, the UI's paths answer 404.
    std::filesystem::path web_root;
    std::size_t worker_threads = 4;                      ///< That wait for the engine; > 0.
    std::size_t max_queued_requests = 128;               ///< More are answered by 503; > 0.
    std::chrono::milliseconds request_deadline{30'000};  ///< From arrival to answer; > 0.
    std::vector<std::string> allowed_hosts = {};  ///< Further names of this server; "*" for all.
    std::uint16_t otlp_grpc_port = 0;  ///< Where this server receives, for who wants to send.
    std::uint16_t otlp_http_port = 0;
    /// Read and changed by /api/v1/settings/retention, which is missing if it is null.
    retention::Settings* retention = nullptr;
    /// Read with the other tables while they hold rows; null if there are none.
    const store::FirstTables* first_tables = nullptr;
    /// Opens the tails of /api/v1/tail, which is missing if it is null.
    tail::Hub* tails = nullptr;
    /// Told of each request of the API. From any thread; must not block or throw.
    std::function<void(const ApiCall&)> on_call = [](const ApiCall& /*call*/) {};
  };

  explicit Api(Options options);
  ~Api();
  Api(const Api&) = delete;
  Api& operator=(const Api&) = delete;

  /// For net::HttpServer; does not block.
  [[nodiscard]] net::Handler handler();
  /// How that server answers what it refuses itself: as the API's other errors.
  [[nodiscard]] static net::RefusalResponse refusal();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace signalbox::server::api
