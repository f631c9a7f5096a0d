#include "demo/common/program.h"

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "signalbox/config/sdk.h"

namespace signalbox::demo {
namespace {

namespace asio = boost::asio;

std::string environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nothing changes it.
  return value == nullptr ? "" : value;
}

Result<sdk::Sdk> install_sdk(const std::string& service_name) {
  sdk::SdkOptions options;
  options.service_name = service_name;
  options.service_version = SIGNALBOX_VERSION;
  options.protocol = sdk::OtlpProtocol::kGrpc;
  if (const std::string key = environment("SIGNOZ_INGESTION_KEY"); !key.empty()) {
    options.headers.emplace_back("signoz-ingestion-key", key);
  }
  return sdk::Sdk::from_environment(options);
}

// Where the telemetry goes, for the line that is printed at the start.
std::string export_target() {
  if (environment("OTEL_SDK_DISABLED") == "true") return "nowhere (OTEL_SDK_DISABLED=true)";
  if (const std::string exporter = environment("OTEL_TRACES_EXPORTER");
      exporter == "console" || exporter == "none") {
    return exporter;
  }
  std::string protocol = environment("OTEL_EXPORTER_OTLP_PROTOCOL");
  if (protocol.empty()) protocol = "grpc";
  std::string endpoint = environment("OTEL_EXPORTER_OTLP_ENDPOINT");
  if (endpoint.empty()) {
    endpoint = protocol == "grpc" ? "http://localhost:4317" : "http://localhost:4318";
  }
  return endpoint + " (" + protocol + ")";
}

int fail(std::string_view program, const std::string& message) {
  std::fprintf(stderr, "%.*s: %s\n", static_cast<int>(program.size()), program.data(),
               message.c_str());
  return 1;
}

}  // namespace

void ServerProgram::add_options(CLI::App& app) {
  app.add_option("--host", server.host, "Address or name to listen on")
      ->envname("LISTEN_HOST")
      ->capture_default_str();
  app.add_option("--port", server.port, "Port to listen on; 0: any free one")
      ->envname("LISTEN_PORT")
      ->capture_default_str();
  app.add_option("--threads", threads, "Threads that serve")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  app.add_option("--max-connections", server.max_connections, "Connections at a time")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  app.add_option("--max-body-bytes", server.max_body_bytes, "Longest request body")
      ->check(CLI::Range(1, 1 << 30))
      ->capture_default_str();
}

int ServerProgram::run(const std::function<Handler()>& make_handler) const {
  Result<sdk::Sdk> sdk = install_sdk(service_name);
  if (!sdk) return fail(service_name, sdk.error().message);

  asio::io_context io(static_cast<int>(threads));
  HttpServer http_server(io, server, make_handler());
  const Result<std::uint16_t> port = http_server.start();
  if (!port) {
    return fail(service_name, port.error().message + "; choose another by --port or LISTEN_PORT");
  }
  std::promise<void> stop_requested;
  asio::signal_set signals(io, SIGINT, SIGTERM);
  signals.async_wait([&](const boost::system::error_code& error, int) {
    if (!error) stop_requested.set_value();
  });
  std::printf("%s listens on http://%s:%u, exports to %s\n", service_name.c_str(),
              server.host.c_str(), static_cast<unsigned>(port.value()), export_target().c_str());
  std::fflush(stdout);

  std::vector<std::jthread> pool;
  pool.reserve(threads);
  for (unsigned i = 0; i < threads; ++i) {
    pool.emplace_back([&io] { io.run(); });
  }
  stop_requested.get_future().wait();
  http_server.stop(drain_timeout);
  io.stop();
  pool.clear();
  sdk->shutdown(std::chrono::seconds(5));
  return 0;
}

}  // namespace signalbox::demo
