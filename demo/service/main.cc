#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "demo/common/program.h"
#include "demo/service/service.h"

int main(int argc, char** argv) {
  namespace demo = signalbox::demo;
  CLI::App app("The demo's service: an instrumented HTTP server of coroutines.");
  demo::ServerProgram program;
  program.service_name = "demo-service";
  program.server.port = 8085;
  program.add_options(app);
  demo::Service::Options options;
  std::string echo_url = "http://localhost:8086/anything";
  app.add_option("--echo-url", echo_url, "What /external calls, e.g. https://httpbin.org/anything")
      ->envname("ECHO_URL")
      ->capture_default_str();
  unsigned pause_min_ms = 250;
  unsigned pause_max_ms = 750;
  app.add_option("--pause-min-ms", pause_min_ms, "Shortest pause of /fibonacci")
      ->envname("PAUSE_MIN_MS")
      ->check(CLI::Range(0, 600'000))
      ->capture_default_str();
  app.add_option("--pause-max-ms", pause_max_ms, "Longest pause of /fibonacci")
      ->envname("PAUSE_MAX_MS")
      ->check(CLI::Range(0, 600'000))
      ->capture_default_str();
  app.add_option_function<unsigned>(
         "--external-timeout",
         [&](unsigned seconds) { options.client.timeout = std::chrono::seconds(seconds); },
         "Seconds that the call of /external may take")
      ->check(CLI::Range(1, 600))
      ->default_str("10");
  CLI11_PARSE(app, argc, argv);

  auto url = demo::parse_url(echo_url);
  if (!url) {
    std::fprintf(stderr, "demo-service: --echo-url: %s\n", url.error().message.c_str());
    return 1;
  }
  options.echo_url = std::move(url).value();
  if (pause_min_ms > pause_max_ms) {
    std::fprintf(stderr, "demo-service: --pause-min-ms is larger than --pause-max-ms\n");
    return 1;
  }
  options.fibonacci_pause = {std::chrono::milliseconds(pause_min_ms),
                             std::chrono::milliseconds(pause_max_ms)};
  return program.run([&]() -> demo::Handler {
    auto service = std::make_shared<demo::Service>(std::move(options));
    return [service](const demo::Request& request, const demo::Connection& connection) {
      return service->handle(request, connection);
    };
  });
}
