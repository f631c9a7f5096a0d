#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <string>
#include <thread>

#include "server/cli/commands.h"
#include "server/cli/event_stream.h"
#include "server/cli/json.h"
#include "server/cli/log_line.h"
#include "server/cli/text.h"
#include "server/cli/times.h"
#include "server/cli/units.h"

namespace signalbox::server::cli {
namespace {

using std::chrono::seconds;

constexpr seconds kFirstPause{1};
constexpr seconds kLongestPause{10};

/// "14:00:00.123 342 ms shop GET /cart <trace id>".
std::string span_line(const boost::json::value& span, const Style& style) {
  const std::string service = printable(text(span, "service_name"));
  const bool has_error = text(member(span, "status"), "code") == "error";
  const std::string name = (has_error ? "✗ " : "") + printable(text(span, "name"));
  constexpr std::size_t kDurationWidth = 8;
  return style.paint(color::kDim, clock_text(integer(span, "start_time"))) + " " +
         pad_left(duration_text(number(span, "duration_ns", 0)), kDurationWidth) + " " +
         style.paint(color_of(service), service) + " " +
         style.paint(has_error ? color::kRed : color::kNone, name) + " " +
         style.paint(color::kDim, printable(text(span, "trace_id"))) + "\n";
}

/// What a point of a metric says, without its attributes: "7 {order}", "count 3 sum 0.6 s".
std::string value_of_point(const boost::json::value& point, const std::string& unit) {
  const boost::json::value& value = member(point, "value");
  if (value.is_object()) {
    const std::string digits = text(value, "value");
    return digits.empty() ? "–" : digits + (unit.empty() ? "" : " " + unit);
  }
  const std::string count = "count " + text(point, "count");
  const boost::json::value& sum = member(point, "sum");
  return sum.is_null() ? count : count + " sum " + value_text(number(sum), unit);
}

/// "14:00:00.123 shop orders 7 {order} currency=EUR".
std::string point_line(const boost::json::value& point, const Style& style) {
  const std::string service = printable(text(point, "service_name"));
  const boost::json::value& metric = member(point, "metric");
  std::string attributes;
  for (const boost::json::value& attribute : items(point, "attributes")) {
    attributes +=
        " " + printable(text(attribute, "key")) + "=" + printable(text(attribute, "value"));
  }
  return style.paint(color::kDim, clock_text(integer(point, "time"))) + " " +
         style.paint(color_of(service), service) + " " + printable(text(metric, "name")) + " " +
         printable(value_of_point(point, text(metric, "unit"))) +
         style.paint(color::kDim, attributes) + "\n";
}

/// What the event `missed` tells.
std::string missed_line(const boost::json::value& missed) {
  std::string line = "signalbox: missed " + count_text(number(missed, "count", 0)) +
                     " records, which came faster than they could be shown";
  const double unchecked = number(missed, "unchecked", 0);
  if (unchecked > 0) {
    line +=
        "; of " + count_text(unchecked) + " more the server had no time to see whether they match";
  }
  return line + "\n";
}

/// Prints records as they come, until there were as many as wanted.
class Printer {
 public:
  Printer(const config::Tail& command, const Context& context)
      : command_(command), context_(context), left_(context.client.selection.limit) {}

  void take(const std::string& event, const std::string& data) {
    if (is_done()) return;
    if (event == "missed") {
      boost::system::error_code error;
      context_.streams.error << missed_line(boost::json::parse(data, error));
      return;
    }
    if (event != "record") return;
    context_.streams.out << (context_.client.output.json ? data + "\n" : line(data));
    context_.streams.out.flush();
    ++printed_;
  }

  [[nodiscard]] bool is_done() const { return left_ > 0 && printed_ >= left_; }
  [[nodiscard]] std::size_t printed() const { return printed_; }

 private:
  [[nodiscard]] std::string line(const std::string& data) const {
    boost::system::error_code error;
    const boost::json::value record = boost::json::parse(data, error);
    if (error) return {};
    if (command_.signal == "logs") return log_line(record, {}, context_.style);
    if (command_.signal == "traces") return span_line(record, context_.style);
    return point_line(record, context_.style);
  }

  const config::Tail& command_;
  const Context& context_;
  std::size_t left_;  // 0: no end.
  std::size_t printed_ = 0;
};

ApiRequest request_of(const config::Tail& command, const config::Selection& selection) {
  ApiRequest request{.path = "/api/v1/tail", .parameters = {{"signal", command.signal}}};
  if (!selection.filter.empty()) request.parameters.emplace_back("q", selection.filter);
  if (selection.service) request.parameters.emplace_back("service", *selection.service);
  return request;
}

}  // namespace

ExitCode run_command(const config::Tail& command, const Context& context) {
  const auto source = context.open();
  const ApiRequest request = request_of(command, context.client.selection);
  Printer printer(command, context);
  bool was_connected = false;
  seconds pause = kFirstPause;
  while (!printer.is_done()) {
    EventStream events(
        [&](const std::string& event, const std::string& data) { printer.take(event, data); });
    try {
      stream(*source, request, [&](std::string_view bytes) {
        was_connected = true;
        pause = kFirstPause;
        events.feed(bytes);
        return !printer.is_done();
      });
      if (printer.is_done()) break;
    } catch (const Failure& failure) {
      if (!was_connected || failure.code() != ExitCode::kUnreachable) throw;
    }
    context.streams.error << "signalbox: the connection broke; again in " << pause.count()
                          << " s. What comes meanwhile is not shown\n";
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, kLongestPause);
  }
  return printer.printed() > 0 ? ExitCode::kFound : ExitCode::kNothing;
}

}  // namespace signalbox::server::cli
