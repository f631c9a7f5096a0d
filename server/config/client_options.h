#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "server/config/options.h"

/// What the commands that ask were told. Texts are as they were typed; server/cli reads them.
namespace signalbox::server::config {

/// Whom to ask.
struct Connection {
  std::string server = "http://127.0.0.1:8080";  ///< http:// or https://
  std::filesystem::path data_folder;  ///< Not empty: of a stopped server, instead of asking one.
  bool insecure = false;              ///< Take any certificate.
  std::filesystem::path ca_file;      ///< PEM, of who may sign certificates; empty: the system's.
};

/// How to print.
struct Output {
  bool json = false;           ///< The API's answer as it is.
  bool csv = false;            ///< Of tables alone.
  bool wide = false;           ///< Cut nothing to the terminal's width.
  std::string color = "auto";  ///< "auto", "always" or "never".
};

/// The time range; all empty: the last 15 minutes.
struct Times {
  std::string since = {};
  std::string from = {};
  std::string to = {};
};

/// Which records.
struct Selection {
  Times times;
  std::string filter;
  std::optional<std::string> service;
  std::uint32_t limit = 0;  ///< 0: the command's own.
};

struct ListServices {
  std::string name;    ///< Empty: all; else this one's operations, calls and versions.
  std::string apdex;   ///< The threshold of the Apdex; empty: the API's own.
  bool calls = false;  ///< Its calls alone, as these are:
  bool versions = false;
  bool graph = false;  ///< Who calls whom, instead.
};

struct ListErrors {
  std::string contains;        ///< In type or message; empty: all.
  std::string signal = "all";  ///< Or "traces" or "logs".
  std::string order = "frequent";
};

struct SearchTraces {
  std::string order = "newest";
  std::string structure;
};

struct ShowTrace {
  std::string trace_id;
  bool with_logs = false;
  bool all = false;  ///< Fold nothing.
};

struct SearchLogs {
  std::string trace_id;
  std::string severity;  ///< The lowest; empty: all.
  /// How many records of the same instance are shown before and behind each.
  std::uint32_t context = 0;
  bool patterns = false;  ///< Lines of one shape, counted, in place of the records.
};

struct ShowMetrics {
  std::string name;  ///< Empty: list them.
  std::string type;
  std::vector<std::string> group_by;
  std::vector<std::string> aggregations;
  std::string step;
};

struct RunQuery {
  std::string signal;
  std::string metric;
  std::vector<std::string> aggregations;  ///< "op" or "op:field".
  std::vector<std::string> group_by;
  std::string step;
  bool rest = false;
  bool chart = false;
  std::string file;  ///< With the request itself; "-": the standard input.
};

struct RunSql {
  std::string statement;  ///< Empty, and no file: list the views.
  std::string file;       ///< "-": the standard input.
};

struct ExportTelemetry {
  std::string trace_id;
  std::vector<std::string> signals;    ///< Empty: all.
  std::string format = "json";         ///< "json" or "protobuf".
  std::filesystem::path output = "-";  ///< "-": the standard output.
  bool all_times = false;
};

struct ImportTelemetry {
  std::vector<std::filesystem::path> files;  ///< "-": the standard input.
  std::string endpoint = "http://127.0.0.1:4318";
  std::string key;         ///< An ingestion key; empty: none.
  std::uint64_t skip = 0;  ///< Messages of the first file.
};

struct Tail {
  std::string signal = "logs";
};

struct Version {
  std::string program;
};

/// `signalbox doctor`: examines what `signalbox serve` would use with the same settings.
struct Doctor {
  ServeOptions options;
  Output output;
};

/// A command that asks.
struct Client {
  Connection connection;
  Output output;
  Selection selection;
  std::variant<ListServices, ListErrors, SearchTraces, ShowTrace, SearchLogs, ShowMetrics, RunQuery,
               RunSql, ExportTelemetry, ImportTelemetry, Tail, Version>
      what;
};

}  // namespace signalbox::server::config
