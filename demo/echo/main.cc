#include <CLI/CLI.hpp>
#include <memory>

#include "demo/common/program.h"
#include "demo/echo/echo.h"

int main(int argc, char** argv) {
  namespace demo = signalbox::demo;
  CLI::App app(
      "The demo's downstream: answers /anything with the request itself, as httpbin does.");
  demo::ServerProgram program;
  program.service_name = "demo-echo";
  program.server.port = 8086;
  program.server.max_body_bytes = 1024 * 1024;
  program.add_options(app);
  CLI11_PARSE(app, argc, argv);
  return program.run([]() -> demo::Handler {
    return [echo = std::make_shared<demo::Echo>()](const demo::Request& request,
                                                   const demo::Connection& connection) {
      return echo->handle(request, connection);
    };
  });
}
