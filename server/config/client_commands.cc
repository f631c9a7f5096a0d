#include "server/config/client_commands.h"

namespace signalbox::server::config {
namespace {

constexpr const char* kServerVariable = "SIGNALBOX_SERVER";
constexpr const char* kKeyVariable = "SIGNALBOX_INGESTION_KEY";
constexpr const char* kAsking = "Ask";  // The group of these commands in the help.
constexpr std::uint32_t kMostRows = 100'000;
constexpr std::uint32_t kMostSqlRows = 10'000;

}  // namespace

ClientCommands::ClientCommands(CLI::App& app, std::string_view version,
                               const Environment& environment)
    : environment_(environment) {
  add_services(app);
  add_errors(app);
  add_traces(app);
  add_trace(app);
  add_logs(app);
  add_metrics(app);
  add_query(app);
  add_sql(app);
  add_export(app);
  add_import(app);
  add_tail(app);
  add_version(app, version);
}

std::optional<Client> ClientCommands::parsed() const {
  for (const auto& [command, make] : commands_) {
    if (!command->parsed()) continue;
    Client client = client_;
    client.what = make();
    if (!server_.empty()) {
      client.connection.server = server_;
    } else if (const auto variable = environment_(kServerVariable);
               variable && !variable->empty()) {
      client.connection.server = *variable;
    }
    return client;
  }
  return std::nullopt;
}

CLI::App& ClientCommands::add(CLI::App& app, const std::string& name,
                              const std::string& description, std::function<Parts()> make) {
  CLI::App& command = add_bare(app, name, description, std::move(make));
  add_connection(command);
  add_output(command);
  return command;
}

CLI::App& ClientCommands::add_bare(CLI::App& app, const std::string& name,
                                   const std::string& description, std::function<Parts()> make) {
  CLI::App* const command = app.add_subcommand(name, description);
  command->group(kAsking);
  commands_.emplace_back(command, std::move(make));
  return *command;
}

void ClientCommands::add_services(CLI::App& app) {
  CLI::App& command = add(app, "services", "Services with their rate, errors, durations and Apdex",
                          [this] { return services_; });
  CLI::Option* const name = command.add_option(
      "NAME", services_.name, "Show this service's operations, calls and versions");
  command
      .add_option("--apdex", services_.apdex,
                  "How long a request may take to satisfy, such as 500ms")
      ->type_name("DURATION");
  CLI::Option* const calls =
      command.add_flag("--calls", services_.calls, "What NAME calls and who calls it, alone");
  CLI::Option* const versions =
      command.add_flag("--versions", services_.versions, "The versions of NAME, alone")
          ->excludes(calls);
  command.add_flag("--graph", services_.graph, "Who calls whom, databases and queues included")
      ->excludes(name)
      ->excludes(calls)
      ->excludes(versions);
  add_times(command);
}

void ClientCommands::add_errors(CLI::App& app) {
  CLI::App& command = add(app, "errors", "Errors of spans and log records, grouped by message",
                          [this] { return errors_; });
  command.add_option("TEXT", errors_.contains, "Only those with this text in type or message");
  command.add_option("--signal", errors_.signal, "Only those of spans, or of log records")
      ->check(CLI::IsMember({"all", "traces", "logs"}))
      ->capture_default_str();
  command.add_option("--order", errors_.order, "Which of them come first")
      ->check(CLI::IsMember({"frequent", "latest", "new"}))
      ->capture_default_str();
  add_service(command);
  add_times(command);
  add_limit(command, "Groups at most", 20);
}

void ClientCommands::add_traces(CLI::App& app) {
  CLI::App& command =
      add(app, "traces", "Traces that have a span which matches", [this] { return traces_; });
  add_filter(command, true);
  command
      .add_option("--structure", traces_.structure,
                  "How their spans relate: \"{ kind = server } >> { status = error }\"")
      ->type_name("EXPRESSION");
  command.add_option("--order", traces_.order, "Which of them come first")
      ->check(CLI::IsMember({"newest", "oldest", "slowest"}))
      ->capture_default_str();
  add_service(command);
  add_times(command);
  add_limit(command, "Traces at most", 20);
}

void ClientCommands::add_trace(CLI::App& app) {
  CLI::App& command = add(app, "trace", "One trace as a waterfall", [this] { return trace_; });
  command.add_option("ID", trace_.trace_id, "The trace's id, 32 hexadecimal digits")->required();
  command.add_flag("--logs", trace_.with_logs, "Put the log lines below their spans");
  command.add_flag("--all", trace_.all, "Fold nothing, however many spans there are");
}

void ClientCommands::add_logs(CLI::App& app) {
  CLI::App& command =
      add(app, "logs", "Log records that match, the newest last", [this] { return logs_; });
  add_filter(command, true);
  command.add_option("--trace", logs_.trace_id, "Only those of this trace")->type_name("ID");
  command.add_option("--severity", logs_.severity, "Only those of this severity or a graver one")
      ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error", "fatal"}));
  command
      .add_flag("--patterns", logs_.patterns, "Count lines of one shape, the most frequent first")
      ->excludes("--trace")
      ->excludes("--severity");
  command
      .add_option("-C,--context", logs_.context,
                  "With so many records of the same instance before and behind each")
      ->type_name("N")
      ->excludes("--patterns")
      ->check(CLI::Range(0U, 500U));
  add_service(command);
  add_times(command);
  add_limit(command, "The newest so many", 100);
}

void ClientCommands::add_metrics(CLI::App& app) {
  CLI::App& command = add(app, "metrics", "Metrics; of one, a chart", [this] { return metrics_; });
  command.add_option("NAME", metrics_.name, "Draw this metric");
  add_filter(command, false);
  command
      .add_option("--by", metrics_.group_by, "An attribute that tells the lines apart; repeatable")
      ->type_name("FIELD")
      ->allow_extra_args(false);
  command
      .add_option("--agg", metrics_.aggregations,
                  "What to draw: p99, avg, rate, increase, sum, last, min, max, count; repeatable")
      ->type_name("AGGREGATION")
      ->allow_extra_args(false);
  command.add_option("--step", metrics_.step, "Width of one point, such as 1m")->type_name("TIME");
  command.add_option("--type", metrics_.type, "Of a name that was sent with several types")
      ->check(CLI::IsMember({"gauge", "sum", "histogram", "exponential_histogram", "summary"}));
  add_service(command);
  add_times(command);
}

void ClientCommands::add_query(CLI::App& app) {
  CLI::App& command = add(app, "query", "Count, sum and compare, by groups and over time",
                          [this] { return query_; });
  CLI::Option* const signal = command.add_option("SIGNAL", query_.signal, "Of what")
                                  ->check(CLI::IsMember({"traces", "logs", "metrics"}));
  add_filter(command, true);
  command.add_option("--metric", query_.metric, "With metrics: its name")->type_name("NAME");
  command
      .add_option(
          "--agg", query_.aggregations,
          "count, rate, or OP:FIELD such as p99:duration, avg:http.response.size; repeatable")
      ->type_name("OP:FIELD")
      ->allow_extra_args(false);
  command.add_option("--by", query_.group_by, "A field whose values make groups; repeatable")
      ->type_name("FIELD")
      ->allow_extra_args(false);
  command.add_option("--step", query_.step, "Over time, so much in a point: 1m, or auto")
      ->type_name("TIME");
  command.add_flag("--rest", query_.rest, "What is beyond the limit as one more group");
  command.add_flag("--chart", query_.chart, "Draw each aggregation over time");
  command.add_option("--file", query_.file, "Send this request (docs/query.md); - reads the input")
      ->type_name("FILE")
      ->excludes(signal);
  add_csv(command);
  add_service(command);
  add_times(command);
  add_limit(command, "Groups at most", 20);
}

void ClientCommands::add_sql(CLI::App& app) {
  CLI::App& command =
      add(app, "sql", "One SELECT over the views; without one, what views there are",
          [this] { return sql_; });
  CLI::Option* const statement =
      command.add_option("STATEMENT", sql_.statement, "SELECT … FROM spans, logs, …");
  command.add_option("--file", sql_.file, "Read the statement from there; - is the input")
      ->type_name("FILE")
      ->excludes(statement);
  add_csv(command);
  command.add_option("--limit", client_.selection.limit, "Rows at most")
      ->check(CLI::Range(std::uint32_t{1}, kMostSqlRows))
      ->type_name("N")
      ->default_str("1000");
}

void ClientCommands::add_export(CLI::App& app) {
  CLI::App& command =
      add_bare(app, "export", "Records that match, as files of OTLP", [this] { return export_; });
  add_connection(command);
  add_filter(command, true);
  command.add_option("--trace", export_.trace_id, "This trace, its logs, and metrics of its time")
      ->type_name("ID");
  command.add_option("--signal", export_.signals, "Only this one; repeatable")
      ->check(CLI::IsMember({"traces", "logs", "metrics"}))
      ->allow_extra_args(false);
  command.add_option("--format", export_.format, "JSON lines, or protobuf behind its length")
      ->check(CLI::IsMember({"json", "protobuf"}))
      ->capture_default_str();
  command
      .add_option("-o,--output", export_.output,
                  "Write there, compressed if it ends in .gz or .zst; - is the output")
      ->type_name("FILE")
      ->capture_default_str();
  add_service(command);
  add_times(command);
  command.add_flag("--all", export_.all_times, "Of all times")
      ->group("Time range")
      ->excludes("--since")
      ->excludes("--from")
      ->excludes("--to");
}

void ClientCommands::add_import(CLI::App& app) {
  CLI::App& command = add_bare(app, "import", "Send files of OTLP to a server", [this] {
    ImportTelemetry import = import_;
    if (import.key.empty()) import.key = environment_(kKeyVariable).value_or("");
    return import;
  });
  command.add_option("FILE", import_.files, "JSON or protobuf, compressed or not; - is the input")
      ->required();
  command.add_option("--endpoint", import_.endpoint, "Where OTLP over HTTP is taken")
      ->type_name("URL")
      ->capture_default_str();
  command.add_option("--key", import_.key, "An ingestion key (SIGNALBOX_INGESTION_KEY)")
      ->type_name("KEY");
  command.add_option("--skip", import_.skip, "Begin behind so many messages of the first file")
      ->type_name("N");
  add_certificates(command);
}

void ClientCommands::add_tail(CLI::App& app) {
  CLI::App& command =
      add(app, "tail", "Records as they are received, until Ctrl-C", [this] { return tail_; });
  command.add_option("SIGNAL", tail_.signal, "What to show")
      ->check(CLI::IsMember({"logs", "traces", "metrics"}))
      ->capture_default_str();
  add_filter(command, true);
  add_service(command);
  command.add_option("--limit", client_.selection.limit, "End after so many; without, never")
      ->check(CLI::Range(std::uint32_t{1}, kMostRows))
      ->type_name("N");
}

void ClientCommands::add_version(CLI::App& app, std::string_view version) {
  add(app, "version", "The versions of this program and of the server",
      [text = std::string(version)] { return Version{text}; });
}

void ClientCommands::add_connection(CLI::App& command) {
  Connection& connection = client_.connection;
  command.add_option("--server", server_, "Whom to ask (SIGNALBOX_SERVER)")
      ->type_name("URL")
      ->default_str(connection.server)
      ->group("Connection");
  command
      .add_option("--data", connection.data_folder,
                  "The data folder of a server that does not run, instead of a server")
      ->type_name("FOLDER")
      ->group("Connection")
      ->excludes("--server");
  add_certificates(command);
}

void ClientCommands::add_certificates(CLI::App& command) {
  Connection& connection = client_.connection;
  command.add_flag("--insecure", connection.insecure, "Take any certificate")->group("Connection");
  command.add_option("--ca", connection.ca_file, "Who signed the server's certificate, PEM")
      ->type_name("FILE")
      ->group("Connection");
}

void ClientCommands::add_output(CLI::App& command) {
  Output& output = client_.output;
  command.add_flag("--json", output.json, "Print the API's answer as it is")->group("Output");
  command.add_flag("--wide", output.wide, "Cut nothing to the terminal's width")->group("Output");
  command.add_option("--color", output.color, "Colours: auto is only on a terminal (NO_COLOR)")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->capture_default_str()
      ->group("Output");
}

void ClientCommands::add_csv(CLI::App& command) {
  command.add_flag("--csv", client_.output.csv, "Print comma-separated values")
      ->group("Output")
      ->excludes("--json");
}

void ClientCommands::add_times(CLI::App& command) {
  Times& times = client_.selection.times;
  CLI::Option* const since =
      command
          .add_option("--since", times.since, "From so long ago until now: 90s, 15m, 2h, 1d, 1w")
          ->type_name("TIME")
          ->default_str("15m")
          ->group("Time range");
  command
      .add_option(
          "--from", times.from,
          "From then: 2026-12-01T14:00:00Z, \"2026-12-01 14:00\", 14:00, \"yesterday 9:30\"")
      ->type_name("TIME")
      ->group("Time range")
      ->excludes(since);
  command.add_option("--to", times.to, "Until then, written alike; now by default")
      ->type_name("TIME")
      ->group("Time range");
}

void ClientCommands::add_filter(CLI::App& command, bool positional) {
  command
      .add_option(positional ? "FILTER,-q,--filter" : "-q,--filter", client_.selection.filter,
                  "Which ones: \"status = error AND duration > 100ms\" (docs/query.md)")
      ->type_name("FILTER");
}

void ClientCommands::add_service(CLI::App& command) {
  command.add_option("--service", client_.selection.service, "Only this service's")
      ->type_name("NAME");
}

void ClientCommands::add_limit(CLI::App& command, const std::string& what, std::uint32_t fallback) {
  command.add_option("--limit", client_.selection.limit, what)
      ->check(CLI::Range(std::uint32_t{1}, kMostRows))
      ->type_name("N")
      ->default_str(std::to_string(fallback));
}

}  // namespace signalbox::server::config
