#include "server/config/settings.h"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>

#include "server/config/endpoint.h"
#include "server/config/quantity.h"

namespace signalbox::server::config {
namespace {

using Values = std::vector<std::string>;
using Kind = Setting::Kind;

std::string joined(const Values& values) {
  std::string text;
  for (const std::string& value : values) text += (text.empty() ? "" : ", ") + value;
  return text;
}

std::string boolean_text(bool value) {
  return value ? "true" : "false";
}

constexpr std::uint64_t kMostMib = std::uint64_t{1} << 20;

constexpr std::array kSettings = {
    Setting{.name = "data",
            .type = "FOLDER",
            .description = "Folder that keeps all data",
            .set =
                [](ServeOptions& options, const Values& values) {
                  if (values[0].empty()) throw std::invalid_argument("give the path of a folder");
                  options.data_folder = values[0];
                },
            .get = [](const ServeOptions& options) { return options.data_folder.string(); }},
    Setting{.name = "grpc-address",
            .type = "ADDRESS:PORT",
            .description = "Where OTLP/gRPC is received; port 0 takes a free one",
            .set = [](ServeOptions& options,
                      const Values& values) { options.grpc = parse_endpoint(values[0]); },
            .get = [](const ServeOptions& options) { return to_string(options.grpc); }},
    Setting{.name = "http-address",
            .type = "ADDRESS:PORT",
            .description = "Where OTLP/HTTP is received",
            .set = [](ServeOptions& options,
                      const Values& values) { options.http = parse_endpoint(values[0]); },
            .get = [](const ServeOptions& options) { return to_string(options.http); }},
    Setting{.name = "ui-address",
            .type = "ADDRESS:PORT",
            .description = "Where the web UI and its API are served",
            .set = [](ServeOptions& options,
                      const Values& values) { options.ui = parse_endpoint(values[0]); },
            .get = [](const ServeOptions& options) { return to_string(options.ui); }},
    Setting{.name = "ui-host",
            .type = "NAME",
            .description =
                "A name, besides localhost and addresses, by which browsers may call the "
                "UI; \"*\" allows all",
            .kind = Kind::kList,
            .set = [](ServeOptions& options, const Values& values) { options.ui_hosts = values; },
            .get = [](const ServeOptions& options) { return joined(options.ui_hosts); }},
    Setting{
        .name = "web-root",
        .type = "FOLDER",
        .description = "Folder of the web UI's files; empty: beside the program",
        .set = [](ServeOptions& options, const Values& values) { options.web_root = values[0]; },
        .get = [](const ServeOptions& options) { return options.web_root.string(); }},
    Setting{.name = "tls-cert",
            .type = "FILE",
            .description = "Certificate (PEM, with those that signed it) of all ports, which then "
                           "speak TLS; read again when it changes",
            .set = [](ServeOptions& options,
                      const Values& values) { options.tls_certificate = values[0]; },
            .get = [](const ServeOptions& options) { return options.tls_certificate.string(); }},
    Setting{.name = "tls-key",
            .type = "FILE",
            .description = "The certificate's key (PEM, without a passphrase)",
            .set = [](ServeOptions& options, const Values& values) { options.tls_key = values[0]; },
            .get = [](const ServeOptions& options) { return options.tls_key.string(); }},
    Setting{
        .name = "cors-origin",
        .type = "ORIGIN",
        .description = "Origin, such as https://shop.example, whose web pages may send to "
                       "OTLP/HTTP; \"*\" allows all",
        .kind = Kind::kList,
        .set = [](ServeOptions& options, const Values& values) { options.cors_origins = values; },
        .get = [](const ServeOptions& options) { return joined(options.cors_origins); }},
    Setting{.name = "insecure",
            .type = "true|false",
            .description = "Lets other machines send and read without keys",
            .kind = Kind::kSwitch,
            .set = [](ServeOptions& options,
                      const Values& values) { options.insecure = parse_boolean(values[0]); },
            .get = [](const ServeOptions& options) { return boolean_text(options.insecure); }},
    Setting{.name = "require-keys",
            .type = "true|false",
            .description = "Refuses senders without an ingestion key also before one was made",
            .kind = Kind::kSwitch,
            .set = [](ServeOptions& options,
                      const Values& values) { options.require_keys = parse_boolean(values[0]); },
            .get = [](const ServeOptions& options) { return boolean_text(options.require_keys); }},
    Setting{.name = "self-telemetry",
            .type = "on|off",
            .description = "Whether the server stores metrics and traces of itself",
            .set =
                [](ServeOptions& options, const Values& values) {
                  if (values[0] != "on" && values[0] != "off") {
                    throw std::invalid_argument('"' + values[0].substr(0, 100) +
                                                "\" is not allowed: give on or off");
                  }
                  options.self_telemetry = values[0] == "on";
                },
            .get = [](const ServeOptions& options) -> std::string {
              return options.self_telemetry ? "on" : "off";
            }},
    Setting{
        .name = "self-telemetry-interval",
        .type = "AGE",
        .description = "Time between two points of the server's own metrics, such as 60s",
        .set =
            [](ServeOptions& options, const Values& values) {
              const std::chrono::seconds interval = parse_age(values[0]);
              if (interval.count() == 0 || interval > std::chrono::hours(1)) {
                throw std::invalid_argument("allowed are 1s to 1h");
              }
              options.self_telemetry_interval = interval;
            },
        .get =
            [](const ServeOptions& options) { return age_text(options.self_telemetry_interval); }},
    Setting{
        .name = "engine-memory-mib",
        .type = "MIB",
        .description = "What ClickHouse may use in all, in MiB",
        .set =
            [](ServeOptions& options, const Values& values) {
              constexpr std::uint64_t kLeastMib = 256;
              options.engine_memory_mib = parse_integer(values[0], kLeastMib, kMostMib);
            },
        .get =
            [](const ServeOptions& options) { return std::to_string(options.engine_memory_mib); }},
    Setting{
        .name = "engine-url",
        .type = "URL",
        .description = "A ClickHouse elsewhere that keeps the tables, such as "
                       "https://clickhouse:8443; several are replicas of one",
        .kind = Kind::kList,
        .set = [](ServeOptions& options, const Values& values) { options.engine_urls = values; },
        .get = [](const ServeOptions& options) { return joined(options.engine_urls); }},
    Setting{
        .name = "engine-user",
        .type = "NAME",
        .description = "Its user",
        .set = [](ServeOptions& options, const Values& values) { options.engine_user = values[0]; },
        .get = [](const ServeOptions& options) { return options.engine_user; }},
    Setting{
        .name = "engine-password-file",
        .type = "FILE",
        .description = "A file whose first line is that user's password",
        .set = [](ServeOptions& options,
                  const Values& values) { options.engine_password_file = values[0]; },
        .get = [](const ServeOptions& options) { return options.engine_password_file.string(); }},
    Setting{.name = "engine-ca-file",
            .type = "FILE",
            .description = "Certificates (PEM) by which it is known; empty: the system's",
            .set = [](ServeOptions& options,
                      const Values& values) { options.engine_ca_file = values[0]; },
            .get = [](const ServeOptions& options) { return options.engine_ca_file; }},
    Setting{.name = "retention-traces",
            .type = "AGE",
            .description = "How long traces are kept, from their receipt, such as 15d; 0: for ever",
            .set = [](ServeOptions& options,
                      const Values& values) { options.retention_traces = parse_age(values[0]); },
            .get = [](const ServeOptions& options) { return age_text(options.retention_traces); }},
    Setting{.name = "retention-logs",
            .type = "AGE",
            .description = "How long logs are kept, from their receipt, such as 15d; 0: for ever",
            .set = [](ServeOptions& options,
                      const Values& values) { options.retention_logs = parse_age(values[0]); },
            .get = [](const ServeOptions& options) { return age_text(options.retention_logs); }},
    Setting{
        .name = "retention-metrics",
        .type = "AGE",
        .description = "How long metrics are kept, from their receipt, such as 15d; 0: for ever",
        .set = [](ServeOptions& options,
                  const Values& values) { options.retention_metrics = parse_age(values[0]); },
        .get = [](const ServeOptions& options) { return age_text(options.retention_metrics); }},
    Setting{.name = "max-disk",
            .type = "SIZE",
            .description = "What the data folder may hold, such as 100GiB: the oldest days beyond "
                           "it are removed; 0: no limit",
            .set = [](ServeOptions& options,
                      const Values& values) { options.max_disk_bytes = parse_size(values[0]); },
            .get = [](const ServeOptions& options) { return size_text(options.max_disk_bytes); }},
    Setting{
        .name = "min-free-disk",
        .type = "SIZE",
        .description = "Room on the disk below which /readyz says that the server is not ready",
        .set = [](ServeOptions& options,
                  const Values& values) { options.min_free_disk_bytes = parse_size(values[0]); },
        .get = [](const ServeOptions& options) { return size_text(options.min_free_disk_bytes); }},
    Setting{.name = "queue-mib",
            .type = "MIB",
            .description = "What may wait to be stored, in MiB; more is refused until later",
            .set =
                [](ServeOptions& options, const Values& values) {
                  options.queue_mib = parse_integer(values[0], 1, kMostMib);
                },
            .get = [](const ServeOptions& options) { return std::to_string(options.queue_mib); }},
    Setting{.name = "max-log",
            .type = "SIZE",
            .description = "What may wait on disk for ClickHouse to take it in, such as 1GiB; more "
                           "is refused until later",
            .set =
                [](ServeOptions& options, const Values& values) {
                  constexpr std::uint64_t kLeast = 128ULL << 20;  // Two of the log's segments.
                  const std::uint64_t bytes = parse_size(values[0]);
                  if (bytes < kLeast) throw std::invalid_argument("allowed are 128MiB and more");
                  options.max_log_bytes = bytes;
                },
            .get = [](const ServeOptions& options) { return size_text(options.max_log_bytes); }},
    Setting{.name = "repeat-window",
            .type = "AGE",
            .description = "How long a request is remembered, so that the same one sent again is "
                           "not stored twice, such as 5m",
            .set =
                [](ServeOptions& options, const Values& values) {
                  const std::chrono::seconds window = parse_age(values[0]);
                  if (window.count() == 0 || window > std::chrono::hours(1)) {
                    throw std::invalid_argument("allowed are 1s to 1h");
                  }
                  options.repeat_window = window;
                },
            .get = [](const ServeOptions& options) { return age_text(options.repeat_window); }},
    Setting{
        .name = "max-connections",
        .type = "NUMBER",
        .description = "Connections that each OTLP port takes; more are closed at once",
        .set =
            [](ServeOptions& options, const Values& values) {
              constexpr std::uint64_t kMost = 1'000'000;
              options.max_connections = parse_integer(values[0], 1, kMost);
            },
        .get = [](const ServeOptions& options) { return std::to_string(options.max_connections); }},
};

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, replaced});
    }
  }
  return row.back();
}

std::string Setting::flag() const {
  return "--" + std::string(name);
}

std::string Setting::variable() const {
  std::string variable = "SIGNALBOX_";
  for (const char c : name) {
    variable += c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  }
  return variable;
}

std::span<const Setting> settings() {
  return kSettings;
}

const Setting* find_setting(std::string_view name) {
  const auto* const at = std::find_if(kSettings.begin(), kSettings.end(),
                                      [&](const Setting& setting) { return setting.name == name; });
  return at == kSettings.end() ? nullptr : at;
}

const Setting* closest_setting(std::string_view name) {
  constexpr std::size_t kLongestName = 64;
  if (name.size() > kLongestName) return nullptr;
  const Setting* closest = nullptr;
  std::size_t least = std::max<std::size_t>(2, name.size() / 3) + 1;
  for (const Setting& setting : kSettings) {
    const std::size_t away = edit_distance(name, setting.name);
    if (away >= least) continue;
    least = away;
    closest = &setting;
  }
  return closest;
}

}  // namespace signalbox::server::config
