#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "server/net/http.h"

namespace signalbox::server::config {

/// What `signalbox serve` was told, by the command line or else by the environment.
struct ServeOptions {
  std::filesystem::path data_folder = "signalbox-data";
  net::Endpoint grpc{"127.0.0.1", 4317};   ///< OTLP/gRPC.
  net::Endpoint http{"127.0.0.1", 4318};   ///< OTLP/HTTP.
  net::Endpoint ui{"127.0.0.1", 8080};     ///< The web UI and its API.
  std::vector<std::string> ui_hosts;       ///< Names by which browsers may call the UI.
  std::filesystem::path web_root;          ///< Empty: beside the program.
  std::uint64_t engine_memory_mib = 3072;  ///< Of ClickHouse as a whole. > 0.
  std::size_t queue_mib = 256;             ///< Of requests received and not yet stored. > 0.
};

/// What to do: `serve`, or end at once with `exit_code` after `text` has been printed (the help,
/// the version, or what is wrong with the arguments).
struct CommandLine {
  bool serve = false;
  ServeOptions options;
  int exit_code = 0;
  std::string text;
};

/// Reads the arguments of the program and the SIGNALBOX_… variables. Never throws.
CommandLine parse_command_line(int argc, const char* const* argv, std::string_view version);

/// Reads "127.0.0.1:4317", "[::1]:4317" or "localhost:4317". Throws std::invalid_argument, whose
/// message says what is expected.
net::Endpoint parse_endpoint(std::string_view text);

/// What `parse_endpoint` reads.
std::string to_string(const net::Endpoint& endpoint);

}  // namespace signalbox::server::config
