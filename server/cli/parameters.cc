#include "server/cli/parameters.h"

#include <cctype>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <iterator>
#include <stdexcept>

#include "server/cli/failure.h"
#include "server/cli/text.h"
#include "server/cli/times.h"
#include "server/config/quantity.h"

namespace signalbox::server::cli {
namespace {

constexpr std::size_t kTraceIdDigits = 32;

}  // namespace

void add_range(Parameters& parameters, const config::Times& times) {
  const Range range = parse_range(times, now());
  parameters.emplace_back("start", std::to_string(range.start_ns));
  parameters.emplace_back("end", std::to_string(range.end_ns));
}

Parameters selection_of(const config::Selection& selection) {
  Parameters parameters;
  add_range(parameters, selection.times);
  if (!selection.filter.empty()) parameters.emplace_back("q", selection.filter);
  if (selection.service) parameters.emplace_back("service", *selection.service);
  return parameters;
}

std::string filter_with_service(const config::Selection& selection) {
  if (!selection.service) return selection.filter;
  std::string quoted;
  for (const char c : *selection.service) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  const std::string service = "service.name = '" + quoted + "'";
  return selection.filter.empty() ? service : service + " AND (" + selection.filter + ")";
}

std::string trace_id_of(const std::string& typed) {
  std::string digits;
  for (const char c : typed) {
    if (c != '-') digits += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  constexpr std::size_t kTraceparentDigits = 2 + kTraceIdDigits + 16 + 2;
  if (digits.size() == kTraceparentDigits) digits = digits.substr(2, kTraceIdDigits);
  const bool is_hex = digits.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (is_hex && digits.size() == kTraceIdDigits) return digits;
  throw Failure(ExitCode::kUsage, "'" + printable(typed) +
                                      "' is no trace id: that is 32 hexadecimal digits; "
                                      "`signalbox traces` lists some");
}

std::string step_ns(const std::string& step) {
  constexpr std::int64_t kSecondNs = 1'000'000'000;
  try {
    const std::int64_t seconds = config::parse_age(step).count();
    if (seconds > 0) return std::to_string(seconds * kSecondNs);
  } catch (const std::invalid_argument&) {
  }
  throw Failure(ExitCode::kUsage,
                "--step: '" + printable(step) + "' is no width of time; write 10s, 1m or 1h");
}

std::string read_file(const std::string& name) {
  std::ifstream file(name);
  std::istream& stream = name == "-" ? std::cin : file;
  std::string text{std::istreambuf_iterator<char>(stream), {}};
  if (stream.bad() || (name != "-" && !file.is_open())) {
    throw Failure(ExitCode::kUsage, "--file: cannot read " + printable(name));
  }
  if (text.empty()) throw Failure(ExitCode::kUsage, "--file: " + printable(name) + " is empty");
  return text;
}

}  // namespace signalbox::server::cli
