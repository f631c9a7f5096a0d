#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "server/net/http.h"

namespace signalbox::server::config {

inline constexpr std::chrono::hours kFifteenDays{15 * 24};

/// What `signalbox serve` was told. settings.cc says for each field how it is called outside.
struct ServeOptions {
  std::filesystem::path data_folder = "signalbox-data";
  net::Endpoint grpc{"127.0.0.1", 4317};  ///< OTLP/gRPC.
  net::Endpoint http{"127.0.0.1", 4318};  ///< OTLP/HTTP.
  net::Endpoint ui{"127.0.0.1", 8080};    ///< The web UI and its API.
  std::vector<std::string> ui_hosts;      ///< Names by which browsers may call the UI.
  std::filesystem::path web_root;         ///< Empty: beside the program.
  std::filesystem::path tls_certificate;  ///< Of every port, PEM; empty: without TLS.
  std::filesystem::path tls_key;          ///< Its key, PEM. Set if the certificate is.
  std::vector<std::string> cors_origins;  ///< Whose pages may send to OTLP/HTTP; "*": all.
  bool insecure = false;      ///< Others may send and read without proving who they are.
  bool require_keys = false;  ///< Senders need a key also before one was made.
  std::uint64_t engine_memory_mib = 3072;  ///< Of ClickHouse as a whole. > 0.
  std::vector<std::string> engine_urls;    ///< Of a ClickHouse elsewhere; empty: the one inside.
  std::string engine_user = "default";
  std::filesystem::path engine_password_file;           ///< Empty: no password.
  std::string engine_ca_file;                           ///< Empty: the system's.
  std::uint64_t min_free_disk_bytes = 1ULL << 30;       ///< Below it the server is not ready.
  std::chrono::seconds retention_traces{kFifteenDays};  ///< 0: for ever; so the next two.
  std::chrono::seconds retention_logs{kFifteenDays};
  std::chrono::seconds retention_metrics{kFifteenDays};
  std::uint64_t max_disk_bytes = 0;  ///< Of the data folder; 0: no limit.
  bool self_telemetry = true;        ///< Its own metrics and traces go into its own store.
  std::chrono::seconds self_telemetry_interval{60};  ///< Between two points of a metric. > 0.
  std::size_t queue_mib = 256;               ///< Of requests received and not yet stored. > 0.
  std::uint64_t max_log_bytes = 1ULL << 30;  ///< Of what the tables still have to take in.
  std::chrono::seconds repeat_window{300};   ///< How long a request that comes again is known. > 0.
  std::size_t max_connections = net::HttpLimits().max_connections;  ///< Of each port. > 0.
};

}  // namespace signalbox::server::config
