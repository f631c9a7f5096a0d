#include "server/cli/doctor/doctor.h"

#include <cstdlib>
#include <exception>
#include <iterator>
#include <string>
#include <utility>

#include "server/cli/doctor/data_checks.h"
#include "server/cli/doctor/finding.h"
#include "server/cli/doctor/machine_checks.h"
#include "server/cli/doctor/server_checks.h"
#include "server/cli/failure.h"

namespace signalbox::server::cli {
namespace {

void add(Findings& findings, Findings more) {
  findings.insert(findings.end(), std::make_move_iterator(more.begin()),
                  std::make_move_iterator(more.end()));
}

std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// Of a server that runs, what it says; else what is on the disk.
Findings examine(const config::ServeOptions& options) {
  const bool has_tls = !options.tls_certificate.empty();
  const Listener ui = who_listens(options.ui, has_tls);
  const bool server_runs = ui == Listener::kUi;
  Findings findings;
  findings.push_back(
      {.level = server_runs ? Finding::Level::kGood : Finding::Level::kDoubt,
       .check = "server",
       .what = server_runs ? "a server runs at " + url_of(options.ui, has_tls)
                           : "no server answers at " + url_of(options.ui, has_tls) +
                                 "; what it would find is examined",
       .advice = server_runs ? "" : "if it should run elsewhere, give --ui-address"});
  findings.push_back(judge_port("web UI", options.ui, Listener::kUi, ui, server_runs));
  findings.push_back(judge_port("OTLP/gRPC", options.grpc, Listener::kOtlpGrpc,
                                who_listens(options.grpc, has_tls), server_runs));
  findings.push_back(judge_port("OTLP/HTTP", options.http, Listener::kOtlpHttp,
                                who_listens(options.http, has_tls), server_runs));
  add(findings, check_disk(options.data_folder, options.min_free_disk_bytes));
  findings.push_back(check_open_files(options.max_connections));
  findings.push_back(
      check_memory(options.engine_memory_mib << 20U, std::uint64_t{options.queue_mib} << 20U));
  findings.push_back(check_clock(options.data_folder));
  if (server_runs) {
    add(findings, check_server(url_of(options.ui, has_tls)));
  } else {
    const auto files = store::make_posix_files();
    add(findings, check_log(*files, options.data_folder, options.max_log_bytes));
    if (options.engine_urls.empty()) {
      add(findings, check_engine(options.data_folder));
    } else {
      findings.push_back({.check = "engine",
                          .what = "the tables are in a ClickHouse elsewhere (--engine-url), which "
                                  "only a server that runs asks"});
    }
  }
  findings.push_back(check_sender_variables(variable("OTEL_EXPORTER_OTLP_ENDPOINT"),
                                            variable("OTEL_EXPORTER_OTLP_PROTOCOL")));
  return findings;
}

}  // namespace

int run(const config::Doctor& doctor, const Streams& streams) {
  try {
    const Findings findings = examine(doctor.options);
    streams.out << (doctor.output.json ? findings_json(findings) + "\n"
                                       : findings_view(findings, style_of_stdout(doctor.output)));
    streams.out.flush();
    const bool is_well = worst(findings) != Finding::Level::kFault;
    return static_cast<int>(is_well ? ExitCode::kFound : ExitCode::kFailed);
  } catch (const std::exception& error) {
    streams.error << "signalbox: " << error.what() << '\n';
    return static_cast<int>(ExitCode::kFailed);
  }
}

}  // namespace signalbox::server::cli
