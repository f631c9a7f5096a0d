#include "server/config/options.h"

#include <CLI/CLI.hpp>
#include <cstddef>
#include <sstream>
#include <vector>

namespace signalbox::server::config {
namespace {

[[noreturn]] void throw_bad_endpoint(std::string_view text) {
  throw std::invalid_argument("\"" + std::string(text) +
                              "\" is not an address with a port, such as 127.0.0.1:4317, "
                              "[::1]:4317 or 0.0.0.0:4317");
}

std::uint16_t parse_port(std::string_view digits, std::string_view text) {
  constexpr std::uint32_t kMost = 65'535;
  if (digits.empty()) throw_bad_endpoint(text);
  std::uint32_t port = 0;
  for (const char digit : digits) {
    if (digit < '0' || digit > '9') throw_bad_endpoint(text);
    port = port * 10 + static_cast<std::uint32_t>(digit - '0');
    if (port > kMost) throw_bad_endpoint(text);
  }
  return static_cast<std::uint16_t>(port);
}

void add_endpoint(CLI::App& command, const std::string& name, const std::string& variable,
                  net::Endpoint& endpoint, const std::string& description) {
  command
      .add_option_function<std::string>(
          name,
          [&endpoint, name](const std::string& text) {
            try {
              endpoint = parse_endpoint(text);
            } catch (const std::invalid_argument& error) {
              throw CLI::ValidationError(name, error.what());
            }
          },
          description)
      ->envname(variable)
      ->default_str(to_string(endpoint))
      ->type_name("ADDRESS:PORT");
}

}  // namespace

net::Endpoint parse_endpoint(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) throw_bad_endpoint(text);
  std::string_view address = text.substr(0, colon);
  const std::uint16_t port = parse_port(text.substr(colon + 1), text);
  if (address.size() > 2 && address.front() == '[' && address.back() == ']') {
    address = address.substr(1, address.size() - 2);
  } else if (address.find_first_of(":[]") != std::string_view::npos) {
    throw_bad_endpoint(text);
  }
  if (address.empty()) throw_bad_endpoint(text);
  if (address == "localhost") address = "127.0.0.1";
  return {std::string(address), port};
}

std::string to_string(const net::Endpoint& endpoint) {
  const bool is_v6 = endpoint.address.find(':') != std::string::npos;
  return (is_v6 ? "[" + endpoint.address + "]" : endpoint.address) + ":" +
         std::to_string(endpoint.port);
}

CommandLine parse_command_line(int argc, const char* const* argv, std::string_view version) {
  CommandLine result;
  ServeOptions& options = result.options;
  CLI::App app("Signalbox: traces, logs and metrics over OTLP, in one process and one folder.");
  app.set_version_flag("--version", "signalbox " + std::string(version));
  app.require_subcommand(1);

  CLI::App* serve = app.add_subcommand("serve", "Receive telemetry, store it and show it");
  serve->add_option("--data", options.data_folder, "Folder that keeps all data")
      ->envname("SIGNALBOX_DATA")
      ->capture_default_str()
      ->type_name("FOLDER");
  add_endpoint(*serve, "--grpc-address", "SIGNALBOX_GRPC_ADDRESS", options.grpc,
               "Where OTLP/gRPC is received; port 0 takes a free one");
  add_endpoint(*serve, "--http-address", "SIGNALBOX_HTTP_ADDRESS", options.http,
               "Where OTLP/HTTP is received");
  add_endpoint(*serve, "--ui-address", "SIGNALBOX_UI_ADDRESS", options.ui,
               "Where the web UI and its API are served");
  serve
      ->add_option("--ui-host", options.ui_hosts,
                   "A name, besides localhost and addresses, by which browsers may call the UI; "
                   "\"*\" allows all")
      ->envname("SIGNALBOX_UI_HOST")
      ->type_name("NAME");
  serve->add_option("--web-root", options.web_root, "Folder of the web UI's files")
      ->envname("SIGNALBOX_WEB_ROOT")
      ->default_str("beside the program")
      ->type_name("FOLDER");
  serve
      ->add_option("--engine-memory-mib", options.engine_memory_mib,
                   "What ClickHouse may use in all, in MiB")
      ->envname("SIGNALBOX_ENGINE_MEMORY_MIB")
      ->check(CLI::Range(std::uint64_t{256}, std::uint64_t{1} << 20))
      ->capture_default_str();
  serve
      ->add_option("--queue-mib", options.queue_mib,
                   "What may wait to be stored, in MiB; more is refused until later")
      ->envname("SIGNALBOX_QUEUE_MIB")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1} << 20))
      ->capture_default_str();

  try {
    app.parse(argc, argv);
    result.serve = true;
  } catch (const CLI::ParseError& error) {
    std::ostringstream out;
    result.exit_code = app.exit(error, out, out);
    result.text = out.str();
  }
  return result;
}

}  // namespace signalbox::server::config
