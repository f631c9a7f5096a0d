// The server: receives OTLP, stores it in the ClickHouse in this process, and shows it.

#include <pthread.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <variant>

#include "server/api/api.h"
#include "server/backup/backup.h"
#include "server/backup/mailbox.h"
#include "server/cli/doctor/doctor.h"
#include "server/cli/run.h"
#include "server/commands/keys_command.h"
#include "server/config/command_line.h"
#include "server/config/endpoint.h"
#include "server/config/exposure.h"
#include "server/config/resolve.h"
#include "server/keys/key_ring.h"
#include "server/net/cors.h"
#include "server/net/file_limit.h"
#include "server/net/http2_server.h"
#include "server/net/http_server.h"
#include "server/net/io_threads.h"
#include "server/net/tls.h"
#include "server/observe/detached_parts.h"
#include "server/observe/health.h"
#include "server/observe/periodic.h"
#include "server/observe/refusals.h"
#include "server/observe/reporter.h"
#include "server/observe/self_telemetry.h"
#include "server/observe/slow_calls.h"
#include "server/receive/grpc_health.h"
#include "server/receive/grpc_services.h"
#include "server/receive/otlp_decoder.h"
#include "server/receive/otlp_receiver.h"
#include "server/retention/settings.h"
#include "server/retention/sweeper.h"
#include "server/store/commit/writer.h"
#include "server/store/engine/data_folder.h"
#include "server/store/engine/open_engine.h"
#include "server/store/sql/first_tables.h"
#include "server/store/sql/schema.h"
#include "server/tail/hub.h"

namespace signalbox::server {
namespace {

constexpr std::size_t kMebibyte = std::size_t{1} << 20;
constexpr std::size_t kIoThreads = 2;
constexpr std::size_t kLargestUiBody = 64 * 1024;  ///< Settings and queries are sent there.
constexpr std::size_t kUiConnections = 512;
constexpr std::size_t kUiRequestBytes = 16 * kMebibyte;

/// SIGINT and SIGTERM, which end the server in order. Made before any thread, so that all of them
/// leave these signals to `wait`.
class EndSignals {
 public:
  EndSignals() {
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&set_);
    sigaddset(&set_, SIGINT);
    sigaddset(&set_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  }

  /// Waits for one. A second one ends the process at once.
  void wait() {
    int number = 0;
    sigwait(&set_, &number);
    pthread_sigmask(SIG_UNBLOCK, &set_, nullptr);
  }

 private:
  sigset_t set_{};
};

std::filesystem::path web_root(const config::ServeOptions& options) {
  if (!options.web_root.empty()) return options.web_root;
  const auto program = std::filesystem::read_symlink("/proc/self/exe");
  return program.parent_path().parent_path() / "share" / "signalbox" / "web";
}

void write_line(observe::Reporter::Level level, const std::string& line) {
  constexpr std::array kLevels = {spdlog::level::info, spdlog::level::warn, spdlog::level::err};
  spdlog::log(kLevels.at(static_cast<std::size_t>(level)), "{}", line);
}

void back_up(store::Engine& engine, store::Writer& writer, const std::filesystem::path& data_folder,
             const std::filesystem::path& target, const backup::Progress& progress) {
  progress("Storing what was received");
  constexpr std::chrono::seconds kLongestFlush{60};
  if (!writer.flush(kLongestFlush)) {
    throw backup::BackupError(
        "what was received is not in the tables yet (/readyz may say why): "
        "try again later");
  }
  backup::make_backup(engine, data_folder, target, progress);
}

/// What waits to be stored must not fill the queue.
observe::CheckResult check_queue(const store::Writer& writer, std::size_t most_bytes) {
  const std::size_t bytes = writer.stats().queued_bytes;
  // From then on large requests are refused.
  const bool ok = bytes <= most_bytes / 10 * 9;
  return {.ok = ok,
          .detail = std::to_string(bytes / kMebibyte) + " of " +
                    std::to_string(most_bytes / kMebibyte) + " MiB wait to be stored"};
}

retention::Policy configured_retention(const config::ServeOptions& options) {
  retention::Policy policy;
  policy.of(retention::Signal::kTraces) = options.retention_traces;
  policy.of(retention::Signal::kLogs) = options.retention_logs;
  policy.of(retention::Signal::kMetrics) = options.retention_metrics;
  policy.max_disk_bytes = options.max_disk_bytes;
  return policy;
}

/// Of the data folder: what is not in the engine's own.
std::uint64_t bytes_beside_tables(const std::filesystem::path& data_folder) {
  std::uint64_t bytes = 0;
  std::error_code error;  // Files come and go meanwhile.
  auto at = std::filesystem::recursive_directory_iterator(data_folder, error);
  for (; !error && at != std::filesystem::end(at); at.increment(error)) {
    if (at.depth() == 0 && at->path().filename() == "clickhouse") at.disable_recursion_pending();
    std::error_code gone;
    if (!at->is_regular_file(gone)) continue;
    const auto size = at->file_size(gone);
    if (!gone) bytes += size;
  }
  return bytes;
}

void sweep(retention::Sweeper& sweeper, const retention::Policy& policy,
           observe::Reporter& reporter) {
  try {
    sweeper.sweep(policy, std::chrono::system_clock::now());
  } catch (const std::exception& error) {
    reporter.report(observe::Reporter::Level::kError, "retention",
                    std::string("Old data could not be removed: ") + error.what());
  }
}

struct Connections {
  std::size_t of_senders = 0;  ///< Of both OTLP ports together.
  std::size_t of_ui = 0;
};

void warn_of_detached_parts(store::Engine& engine) {
  try {
    const std::string text = observe::read_detached_parts(engine).text();
    if (!text.empty()) spdlog::warn("{}", text);
  } catch (const store::EngineError& error) {
    spdlog::warn("The engine does not say whether it has set parts aside: {}", error.what());
  }
}

/// Raises the limit on open files, and divides what it leaves for connections.
Connections divide_connections(std::size_t wanted) {
  const net::FileLimit files = net::raise_file_limit();
  const std::size_t in_all = net::connections_within(files);
  const std::size_t of_ui = std::min(in_all / 3, kUiConnections);
  const Connections connections{.of_senders = in_all - of_ui, .of_ui = of_ui};
  if (files.now > files.before) {
    spdlog::info("Raised the limit on open files from {} to {}", files.before, files.now);
  }
  if (connections.of_senders < wanted) {
    spdlog::warn(
        "{} open files are allowed: the OTLP ports take {} connections instead of {}; raise the "
        "hard limit (ulimit -Hn, LimitNOFILE=) for more",
        files.now, connections.of_senders, wanted);
  }
  return connections;
}

std::string read_secret(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string secret;
  std::getline(file, secret);
  if (!file || secret.empty())
    throw std::runtime_error("cannot read a password from " + path.string());
  return secret;
}

store::EngineChoice engine_choice(const config::ServeOptions& options) {
  store::EngineChoice choice;
  choice.data_folder = options.data_folder;
  choice.max_memory_bytes = options.engine_memory_mib * kMebibyte;
  if (options.engine_urls.empty()) return choice;
  store::RemoteEngine::Options& remote = choice.remote.emplace();
  remote.urls = options.engine_urls;
  remote.user = options.engine_user;
  remote.ca_file = options.engine_ca_file;
  if (!options.engine_password_file.empty()) {
    remote.password = read_secret(options.engine_password_file);
  }
  return choice;
}

/// Moves rows that an earlier version left in its tables, in the background.
class RowMover {
 public:
  explicit RowMover(store::FirstTables& tables)
      : thread_([&tables](const std::stop_token& stop) {
          try {
            tables.move(stop);
          } catch (const std::exception& error) {
            spdlog::error(
                "Older data stays where it is until the next start, for it could not be moved into "
                "the new tables: {}",
                error.what());
          }
        }) {}

 private:
  std::jthread thread_;
};

void serve(const config::ServeOptions& options, EndSignals& end_signals) {
  const auto start = std::chrono::steady_clock::now();
  spdlog::default_logger();  // Is made here, before there are other threads.
  observe::Reporter reporter({.sink = write_line});
  for (const std::string& text : config::mistyped_variables(config::process_variables())) {
    spdlog::warn("{}", text);
  }
  const observe::Periodic flushing(std::chrono::seconds(1), [&] { reporter.flush_due(); });
  keys::KeyRing keys(keys::KeyFile(options.data_folder),
                     {.require_keys = options.require_keys,
                      .report = [](const std::string& text) { spdlog::error("{}", text); }});
  const config::Exposure exposure = config::check_exposure(options, keys.asks_for_key());
  if (exposure.refusal) throw std::runtime_error(*exposure.refusal);
  if (exposure.warning) spdlog::warn("{}", *exposure.warning);
  std::shared_ptr<net::TlsContext> tls;
  if (!options.tls_certificate.empty()) {
    tls = net::TlsContext::create(
        options.tls_certificate, options.tls_key, [&](const std::string& text, bool is_error) {
          reporter.report(
              is_error ? observe::Reporter::Level::kError : observe::Reporter::Level::kInfo,
              is_error ? "tls error" : "tls", text);
        });
  }
  store::OpenedEngine opened(engine_choice(options));
  store::Engine& engine = opened.engine();
  store::apply_schema(engine);
  warn_of_detached_parts(engine);
  store::FirstTables first_tables(engine);

  const receive::OtlpDecoder decoder({});
  const std::unique_ptr<store::Files> files = store::make_posix_files();
  tail::Hub tails(decoder, {});
  store::Writer::Options writer_options;
  writer_options.tap = &tails;
  writer_options.log_folder = options.data_folder / "log";
  writer_options.lanes = std::clamp(std::thread::hardware_concurrency(), 1U, 4U);
  writer_options.max_queued_bytes = options.queue_mib * kMebibyte;
  writer_options.max_log_bytes = options.max_log_bytes;
  writer_options.repeat_window = options.repeat_window;
  writer_options.report = [&](const std::string& text) {
    reporter.report(observe::Reporter::Level::kWarning, "store " + text.substr(0, text.find(':')),
                    text);
  };
  store::Writer writer(engine, decoder, *files, std::move(writer_options));
  receive::OtlpReceiver::Options receiver_options;
  receiver_options.authorizer = &keys;
  const receive::OtlpReceiver receiver(writer, receiver_options);

  retention::Settings retention_settings(options.data_folder, configured_retention(options));
  retention::Sweeper sweeper(
      engine, {.other_bytes = [&] { return bytes_beside_tables(options.data_folder); },
               .report = [](const std::string& text) { spdlog::info("{}", text); }});
  observe::Periodic sweeping(std::chrono::minutes(1),
                             [&] { sweep(sweeper, retention_settings.policy(), reporter); });
  retention_settings.on_change([&] { sweeping.wake(); });

  const observe::Periodic backing_up(std::chrono::milliseconds(500), [&] {
    try {
      backup::serve_request(options.data_folder, [&](const std::filesystem::path& target,
                                                     const backup::Progress& progress) {
        if (!options.engine_urls.empty()) {
          throw backup::BackupError("the tables are in a ClickHouse elsewhere: back them up there");
        }
        back_up(engine, writer, options.data_folder, target, progress);
        spdlog::info("Made the backup {}", target.string());
      });
    } catch (const std::exception& error) {
      reporter.report(observe::Reporter::Level::kError, "backup", error.what());
    }
  });

  observe::Health health(reporter, {});
  constexpr std::uint64_t kMostParts = 1000;  // Of a partition; beyond, inserts are slowed down.
  health.add("disk", observe::disk_check(options.data_folder, options.min_free_disk_bytes));
  health.add("queue", [&] { return check_queue(writer, options.queue_mib * kMebibyte); });
  health.add("log", observe::log_check([&] { return writer.stats(); }, options.max_log_bytes));
  health.add("engine", observe::engine_check(engine));
  health.add("parts", observe::parts_check(engine, kMostParts));
  health.run();
  const observe::Periodic checking(std::chrono::seconds(2), [&] { health.run(); });
  const RowMover mover(first_tables);

  const net::Cors cors(options.cors_origins);

  net::IoThreads io(kIoThreads, [](const std::string& message) { spdlog::error("{}", message); });
  net::HttpLimits limits;
  limits.max_connections = options.max_connections;
  const Connections connections = divide_connections(options.max_connections);
  const auto senders = std::make_shared<net::ConnectionCap>(connections.of_senders);
  const auto budget = net::RequestBudget::create(options.queue_mib * kMebibyte);
  net::Http2Server::Options grpc_options;
  grpc_options.endpoint = options.grpc;
  grpc_options.budget = budget;
  grpc_options.limits = limits;
  grpc_options.connection_cap = senders;
  const auto grpc_health = std::make_shared<receive::GrpcHealth>();
  const receive::GrpcServices services(receiver.grpc_handler(), grpc_health);
  grpc_options.head_check = services.head_check();
  grpc_options.stream_handler = services.stream_handler();
  grpc_options.refusal_response =
      observe::report_refusals(receive::OtlpReceiver::grpc_refusal(), "OTLP/gRPC", reporter);
  grpc_options.on_wrong_protocol = observe::report_wrong_protocol("OTLP/gRPC", reporter);
  grpc_options.tls = tls;
  const auto grpc_counters = grpc_options.counters;
  grpc_options.option_name = "--grpc-address";
  net::Http2Server grpc(std::move(grpc_options));
  grpc.start(io.context(), observe::report_refusals(services.handler(), "OTLP/gRPC", reporter));

  net::HttpServer::Options http_options;
  http_options.endpoint = options.http;
  http_options.budget = budget;
  http_options.limits = limits;
  http_options.connection_cap = senders;
  http_options.head_check =
      cors.filter(observe::report_refusals(receiver.http_head_check(), "OTLP/HTTP", reporter));
  http_options.refusal_response = cors.filter(
      observe::report_refusals(receive::OtlpReceiver::http_refusal(), "OTLP/HTTP", reporter));
  http_options.on_wrong_protocol = observe::report_wrong_protocol("OTLP/HTTP", reporter);
  http_options.tls = tls;
  const auto http_counters = http_options.counters;
  http_options.option_name = "--http-address";
  net::HttpServer http(std::move(http_options));
  http.start(
      io.context(),
      cors.filter(observe::with_health(
          observe::report_refusals(receiver.http_handler(), "OTLP/HTTP", reporter), health)));

  net::HttpServer::Options ui_options;
  api::Api::Options api_options{.engine = engine, .web_root = web_root(options)};
  api_options.allowed_hosts = options.ui_hosts;
  api_options.otlp_grpc_port = grpc.local_endpoint().port;
  api_options.otlp_http_port = http.local_endpoint().port;
  api_options.retention = &retention_settings;
  api_options.first_tables = &first_tables;
  api_options.tails = &tails;
  // A receiver of its own: what the server sends itself is not counted as received.
  const receive::OtlpReceiver own_receiver(writer, {});
  std::unique_ptr<observe::SelfTelemetry> telemetry;
  if (options.self_telemetry) {
    telemetry = std::make_unique<observe::SelfTelemetry>(
        observe::SelfTelemetry::Options{.otlp_http = own_receiver.http_handler(),
                                        .received = receiver.counters(),
                                        .keys = keys,
                                        .sweeper = sweeper,
                                        .servers = {{"OTLP/gRPC", grpc_counters},
                                                    {"OTLP/HTTP", http_counters},
                                                    {"UI", ui_options.counters}},
                                        .engine = engine,
                                        .writer = [&] { return writer.stats(); },
                                        .version = SIGNALBOX_VERSION,
                                        .interval = options.self_telemetry_interval});
  }
  api_options.on_call = [&](const api::ApiCall& call) {
    observe::report_slow(call, reporter);
    if (telemetry != nullptr) telemetry->on_call(call);
  };
  api::Api api(std::move(api_options));

  ui_options.limits = limits;
  ui_options.limits.max_body_bytes = kLargestUiBody;
  // Apart from the senders': who looks for what overloads the server must still be answered.
  ui_options.limits.max_connections = connections.of_ui;
  ui_options.budget = net::RequestBudget::create(kUiRequestBytes);
  ui_options.refusal_response = api::Api::refusal();
  ui_options.endpoint = options.ui;
  ui_options.tls = tls;
  ui_options.option_name = "--ui-address";
  net::HttpServer ui(std::move(ui_options));
  ui.start(io.context(), observe::with_health(api.handler(), health));

  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
  spdlog::info(
      "Signalbox {} is ready after {:.0f} ms: {}://{} shows what OTLP/gRPC on {} and "
      "OTLP/HTTP on {} receive; data in {}",
      SIGNALBOX_VERSION, took.count(), tls == nullptr ? "http" : "https",
      net::to_string(ui.local_endpoint()), net::to_string(grpc.local_endpoint()),
      net::to_string(http.local_endpoint()),
      std::filesystem::absolute(options.data_folder).string());
  end_signals.wait();

  spdlog::info("Stopping: requests under way are answered first");
  grpc_health->set_serving(false);
  grpc.stop();
  http.stop();
  if (telemetry != nullptr) telemetry->shutdown();
  writer.close();
  ui.stop();
  const store::Writer::Stats stats = writer.stats();
  spdlog::info("Stopped; stored {} records of {} requests", stats.accepted_rows,
               stats.accepted_requests);
}

void print_line(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

/// Root's files in another user's folder would keep that user's server from starting.
void refuse_root_in_folder_of_other(const std::filesystem::path& data_folder) {
  struct stat status{};
  if (geteuid() != 0 || stat(data_folder.c_str(), &status) != 0 || status.st_uid == 0) return;
  throw backup::BackupError("no server runs on " + data_folder.string() +
                            ", which is another user's: run this as that user (runuser -u USER -- "
                            "…), or while the server runs, which makes the backup then");
}

/// By the server that has the folder, or by this process if there is none.
void run_backup(const config::Backup& command) {
  if (!std::filesystem::exists(command.data_folder)) {
    throw backup::BackupError("there is no data folder " + command.data_folder.string() +
                              "; name the server's with --data");
  }
  backup::check_target(command.target, command.data_folder);
  store::EngineChoice choice;
  choice.data_folder = command.data_folder;
  std::unique_ptr<store::OpenedEngine> opened;
  try {
    {
      const store::DataFolderLock lock(command.data_folder);
      refuse_root_in_folder_of_other(command.data_folder);
    }
    opened = std::make_unique<store::OpenedEngine>(choice);
  } catch (const store::DataFolderError&) {
    print_line("A server has " + command.data_folder.string() + ": it makes the backup");
    backup::ask_server(command.data_folder, command.target, print_line);
    return;
  }
  store::Engine& engine = opened->engine();
  store::apply_schema(engine);
  const receive::OtlpDecoder decoder({});
  const std::unique_ptr<store::Files> files = store::make_posix_files();
  store::Writer::Options writer_options;
  writer_options.log_folder = command.data_folder / "log";
  writer_options.report = print_line;
  store::Writer writer(engine, decoder, *files, std::move(writer_options));
  back_up(engine, writer, command.data_folder, command.target, print_line);
}

void run_restore(const config::Restore& command) {
  backup::check_restore(command.source, command.data_folder);
  store::EngineChoice choice;
  choice.data_folder = command.data_folder;
  store::OpenedEngine opened(choice);
  backup::restore_backup(opened.engine(), command.source, command.data_folder, print_line);
}

/// Runs a command that ends by itself.
int run_to_end(const config::Command& command) {
  const std::string text = std::visit(
      [](const auto& what) -> std::string {
        if constexpr (requires { commands::run(what); }) return commands::run(what);
        return {};
      },
      command);
  std::fputs(text.c_str(), stdout);
  return 0;
}

int run(int argc, const char* const* argv) {
  const config::Command command = config::parse_command_line(argc, argv, SIGNALBOX_VERSION);
  if (const auto* const exit = std::get_if<config::Exit>(&command)) {
    std::fputs(exit->text.c_str(), exit->code == 0 ? stdout : stderr);
    return exit->code;
  }
  if (const auto* const client = std::get_if<config::Client>(&command)) {
    // Ctrl-C and a pipe that closes end it as they end any other program of the shell.
    const int code = cli::run(*client, {.out = std::cout, .error = std::cerr});
    store::OpenedEngine::shutdown_process();
    return code;
  }
  if (const auto* const doctor = std::get_if<config::Doctor>(&command)) {
    const int code = cli::run(*doctor, {.out = std::cout, .error = std::cerr});
    store::OpenedEngine::shutdown_process();
    return code;
  }
  EndSignals end_signals;
  int exit_code = 0;
  try {
    if (const auto* const to_serve = std::get_if<config::Serve>(&command)) {
      serve(to_serve->options, end_signals);
    } else if (const auto* const to_back_up = std::get_if<config::Backup>(&command)) {
      run_backup(*to_back_up);
    } else if (const auto* const to_restore = std::get_if<config::Restore>(&command)) {
      run_restore(*to_restore);
    } else {
      return run_to_end(command);
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "signalbox: %s\n", error.what());
    exit_code = 1;
  }
  store::OpenedEngine::shutdown_process();
  return exit_code;
}

}  // namespace
}  // namespace signalbox::server

int main(int argc, char** argv) {
  return signalbox::server::run(argc, argv);
}
