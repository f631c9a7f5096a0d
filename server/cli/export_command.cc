#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "server/cli/commands.h"
#include "server/cli/failure.h"
#include "server/cli/parameters.h"
#include "server/cli/progress.h"
#include "server/transfer/files.h"

namespace signalbox::server::cli {
namespace {

constexpr unsigned kUnavailable = 503;
constexpr int kMaxTries = 30;
constexpr std::chrono::seconds kPause{1};
/// The end of all times that the tables can hold.
constexpr const char* kEndOfTime = "9223372036854775807";

using Counts = std::map<std::string, std::uint64_t>;

std::string header(const ApiReply& reply, const std::string& name) {
  const auto at = reply.headers.find(name);
  return at == reply.headers.end() ? "" : at->second;
}

/// Asks again while the server is busy: a page that is missing would be a hole.
ApiReply ask_patiently(Source& source, const ApiRequest& request) {
  for (int tries = 1; tries < kMaxTries; ++tries) {
    ApiReply reply = source.ask(request);
    if (reply.status == 200) return reply;
    if (reply.status != kUnavailable) break;
    std::this_thread::sleep_for(kPause);
  }
  return ask_plain(source, request);
}

Parameters parameters_of(const config::ExportTelemetry& command, const config::Client& client,
                         const std::string& signal) {
  Parameters parameters{{"signal", signal}, {"format", command.format}};
  const config::Times& times = client.selection.times;
  const bool has_times = !times.since.empty() || !times.from.empty() || !times.to.empty();
  if (command.all_times) {
    parameters.emplace_back("start", "0");
    parameters.emplace_back("end", kEndOfTime);
  } else if (has_times || command.trace_id.empty()) {
    add_range(parameters, times);
  }
  if (!command.trace_id.empty()) parameters.emplace_back("trace_id", trace_id_of(command.trace_id));
  if (!client.selection.filter.empty()) parameters.emplace_back("q", client.selection.filter);
  if (client.selection.service) parameters.emplace_back("service", *client.selection.service);
  return parameters;
}

std::string text_of(const Counts& counts) {
  const auto count = [&](const char* signal) {
    const auto at = counts.find(signal);
    return at == counts.end() ? 0 : at->second;
  };
  return records_text(count("traces"), count("logs"), count("metrics"));
}

void check(const config::ExportTelemetry& command, const std::vector<std::string>& signals) {
  if (command.format == "protobuf" && signals.size() != 1) {
    throw Failure(ExitCode::kUsage,
                  "protobuf does not say what signal a message is: write a file for each, with "
                  "--signal traces, logs or metrics");
  }
}

}  // namespace

ExitCode run_command(const config::ExportTelemetry& command, const Context& context) {
  std::vector<std::string> signals = command.signals;
  if (signals.empty()) signals = {"traces", "logs", "metrics"};
  check(command, signals);
  const std::unique_ptr<Source> source = context.open();
  transfer::OutputFile file(command.output);
  if (command.format == "protobuf" && file.is_terminal()) {
    throw Failure(ExitCode::kUsage, "protobuf is not for a terminal: write it to a file with -o");
  }
  Counts counts;
  std::uint64_t bytes = 0;
  {
    Progress progress(context.streams.error);
    for (const std::string& signal : signals) {
      ApiRequest request{.path = "/api/v1/export",
                         .parameters = parameters_of(command, context.client, signal)};
      const std::size_t fixed = request.parameters.size();
      for (std::string cursor = "-"; !cursor.empty();) {
        const ApiReply page = ask_patiently(*source, request);
        file.write(page.body);
        std::uint64_t records = 0;
        const std::string digits = header(page, "signalbox-record-count");
        std::from_chars(digits.data(), digits.data() + digits.size(), records);
        if (records != 0) counts[signal] += records;
        bytes += page.body.size();
        progress.show(text_of(counts) + ", " + bytes_text(bytes));
        cursor = header(page, "signalbox-next-cursor");
        request.parameters.resize(fixed);
        request.parameters.emplace_back("cursor", cursor);
      }
    }
  }
  if (counts.empty()) {
    file.discard();
    context.streams.error << "signalbox: there is nothing to export"
                          << (command.output == "-"
                                  ? ""
                                  : "; " + command.output.string() + " was not written")
                          << "\n";
    return ExitCode::kNothing;
  }
  file.finish();
  context.streams.error << "Exported " << text_of(counts)
                        << (command.output == "-" ? "" : " to " + command.output.string()) << ".\n";
  return ExitCode::kFound;
}

}  // namespace signalbox::server::cli
