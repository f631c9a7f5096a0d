#include "server/cli/log_line.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cctype>
#include <vector>

#include "server/cli/json.h"
#include "server/cli/text.h"
#include "server/cli/times.h"

namespace signalbox::server::cli {
namespace {

constexpr std::size_t kLongestValue = 48;
constexpr std::size_t kSeverityWidth = 5;
constexpr std::string_view kIndent = "    ";

std::vector<std::string> lines_of(std::string_view body) {
  std::vector<std::string> lines;
  while (!body.empty() && (body.back() == '\n' || body.back() == '\r')) body.remove_suffix(1);
  for (std::size_t at = 0; at <= body.size();) {
    const std::size_t end = std::min(body.find('\n', at), body.size());
    std::string_view line = body.substr(at, end - at);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(printable(line));
    at = end + 1;
  }
  return lines;
}

/// Where in the program it was said, which is asked for last.
bool is_origin(const boost::json::value& attribute) {
  const std::string key = text(attribute, "key");
  return key.starts_with("code.") || key.starts_with("thread.");
}

/// " key=value …" within `room` columns; 0: all, whole.
std::string attributes_of(const boost::json::value& record, std::size_t room) {
  std::vector<const boost::json::value*> ordered;
  for (const bool origins : {false, true}) {
    for (const boost::json::value& item : items(record, "attributes")) {
      if (is_origin(item) == origins) ordered.push_back(&item);
    }
  }
  std::string shown;
  for (const boost::json::value* const item : ordered) {
    std::string value = printable(text(*item, "value"));
    if (room > 0) value = cut(value, kLongestValue);
    if (value.find(' ') != std::string::npos) value.insert(0, 1, '"').push_back('"');
    const std::string next = " " + printable(text(*item, "key")) + "=" + value;
    if (room > 0 && columns(shown) + columns(next) + 2 > room) return shown + " …";
    shown += next;
  }
  return shown;
}

boost::json::value plain(const boost::json::value& any) {
  if (!any.is_object()) return any;
  if (const auto* const list = any.as_object().if_contains("arrayValue")) {
    boost::json::array plain_items;
    for (const boost::json::value& item : items(*list, "values"))
      plain_items.push_back(plain(item));
    return plain_items;
  }
  if (const auto* const list = any.as_object().if_contains("kvlistValue")) {
    boost::json::object members;
    for (const boost::json::value& item : items(*list, "values")) {
      members[text(item, "key")] = plain(member(item, "value"));
    }
    return members;
  }
  return any.as_object().empty() ? boost::json::value() : any.as_object().begin()->value();
}

/// A nested value as people write it, of OTLP's JSON: {"user": {"id": "5"}}.
std::string plain_json(const std::string& sent) {
  boost::system::error_code error;
  const boost::json::value any = boost::json::parse(sent, error);
  return error ? sent : boost::json::serialize(plain(any));
}

}  // namespace

std::string log_text(const boost::json::value& record) {
  const boost::json::value& sent = member(record, "body");
  std::string body = text(sent, "value");
  const std::string type = text(sent, "type");
  if (type == "kvlist" || type == "array") body = plain_json(body);
  const std::string event = text(record, "event_name");
  if (event.empty()) return body;
  return body.empty() ? event : event + " " + body;
}

std::string_view color_of_severity(std::string_view severity) {
  if (severity == "fatal" || severity == "error") return color::kError;
  if (severity == "warn") return color::kYellow;
  if (severity == "info") return color::kGreen;
  if (severity == "debug" || severity == "trace") return color::kDim;
  return color::kNone;
}

std::string severity_text(const boost::json::value& record) {
  std::string severity = text(record, "severity");
  if (severity == "unspecified") severity = "-";
  std::transform(severity.begin(), severity.end(), severity.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return pad_right(printable(severity), kSeverityWidth);
}

std::string log_line(const boost::json::value& record, const LogLineOptions& options,
                     const Style& style) {
  const std::int64_t time = integer(record, "time");
  const std::string clock = options.with_date ? date_time_text(time) : clock_text(time);
  const std::string severity = severity_text(record);
  const std::string service = printable(text(record, "service_name"));
  const std::string padded = pad_right(service, options.service_width);
  const std::vector<std::string> lines = lines_of(log_text(record));
  const std::string_view sgr = color_of_severity(text(record, "severity"));
  const bool is_grave = sgr == color::kError || sgr == color::kYellow;

  std::string result = style.paint(color::kDim, clock) + " " + style.paint(sgr, severity) + " " +
                       style.paint(color_of(service), padded) + " " +
                       style.paint(is_grave ? sgr : color::kNone, lines.front());
  const std::size_t used =
      columns(clock) + columns(severity) + columns(padded) + columns(lines.front()) + 3;
  if (style.width == 0) {
    result += attributes_of(record, 0);
  } else if (used + kLongestValue / 2 < style.width) {
    result += style.paint(color::kDim, attributes_of(record, style.width - used));
  }
  result += '\n';
  for (std::size_t i = 1; i < lines.size(); ++i) {
    result.append(kIndent).append(lines[i]) += '\n';
  }
  return result;
}

}  // namespace signalbox::server::cli
