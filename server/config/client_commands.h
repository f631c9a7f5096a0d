#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/config/client_options.h"
#include "server/config/resolve.h"

namespace signalbox::server::config {

/// Describes the commands that ask (`signalbox logs` and the like) to CLI11.
///
/// Not thread-safe; outlives the parse of the app that it was added to, as `environment` does.
class ClientCommands {
 public:
  ClientCommands(CLI::App& app, std::string_view version, const Environment& environment);
  ClientCommands(const ClientCommands&) = delete;
  ClientCommands& operator=(const ClientCommands&) = delete;

  /// What was asked for, once the app has parsed; nothing if it was none of these commands.
  [[nodiscard]] std::optional<Client> parsed() const;

 private:
  using Parts = decltype(Client::what);

  /// A command that prints what the API answers.
  CLI::App& add(CLI::App& app, const std::string& name, const std::string& description,
                std::function<Parts()> make);
  CLI::App& add_bare(CLI::App& app, const std::string& name, const std::string& description,
                     std::function<Parts()> make);
  void add_services(CLI::App& app);
  void add_errors(CLI::App& app);
  void add_traces(CLI::App& app);
  void add_trace(CLI::App& app);
  void add_logs(CLI::App& app);
  void add_metrics(CLI::App& app);
  void add_query(CLI::App& app);
  void add_sql(CLI::App& app);
  void add_export(CLI::App& app);
  void add_import(CLI::App& app);
  void add_tail(CLI::App& app);
  void add_version(CLI::App& app, std::string_view version);
  void add_connection(CLI::App& command);
  void add_certificates(CLI::App& command);
  void add_output(CLI::App& command);
  void add_csv(CLI::App& command);
  void add_times(CLI::App& command);
  void add_filter(CLI::App& command, bool positional);
  void add_service(CLI::App& command);
  void add_limit(CLI::App& command, const std::string& what, std::uint32_t fallback);

  const Environment& environment_;
  std::vector<std::pair<CLI::App*, std::function<Parts()>>> commands_;
  Client client_;
  std::string server_;
  ListServices services_;
  ListErrors errors_;
  SearchTraces traces_;
  ShowTrace trace_;
  SearchLogs logs_;
  ShowMetrics metrics_;
  RunQuery query_;
  RunSql sql_;
  ExportTelemetry export_;
  ImportTelemetry import_;
  Tail tail_;
};

}  // namespace signalbox::server::config
