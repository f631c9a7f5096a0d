#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "demo/common/http_server.h"

namespace CLI {
class App;
}  // namespace CLI

namespace signalbox::demo {

/// What every server of the demo can be told.
struct ServerProgram {
  std::string service_name;    ///< Unless the environment names another.
  HttpServer::Options server;  ///< Its port: the program's default.
  unsigned threads = 4;
  std::chrono::milliseconds drain_timeout{3'000};  ///< For requests under way at the end.

  /// Adds the options to the command line. `this` must outlive the parsing.
  void add_options(CLI::App& app);

  /// Installs the SDK as the environment says, serves `make_handler()` until SIGINT or SIGTERM,
  /// lets requests under way end, and flushes the telemetry. Returns the program's exit status;
  /// what went wrong has been printed.
  int run(const std::function<Handler()>& make_handler) const;
};

}  // namespace signalbox::demo
