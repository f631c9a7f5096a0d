#include "server/store/columns/error_groups.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "server/store/columns/folded.h"

namespace signalbox::server::store {
namespace {

constexpr std::size_t kMaxShapeBytes = 200;
constexpr std::size_t kMaxTypeBytes = 200;
constexpr std::size_t kMaxMessageBytes = 1'000;
/// Of one block; further errors are one group without a type and a shape for each service.
constexpr std::size_t kMaxGroups = 2'000;
constexpr std::size_t kMaxExceptionsOfSpan = 16;
constexpr std::int32_t kStatusError = 2;
constexpr std::int32_t kSeverityError = 17;

/// At most `size` bytes of `text`, and no half character.
std::string_view cut(std::string_view text, std::size_t size) noexcept {
  if (text.size() <= size) return text;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
  return text.substr(0, size);
}

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}
/// Of a word; bytes of other characters than ASCII's count as letters.
bool is_word(char c) noexcept {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         (static_cast<unsigned char>(c) & 0x80) != 0;
}
/// Stands between the parts of an address, a time or an id.
bool is_joint(char c) noexcept {
  return c == '-' || c == '.' || c == ':' || c == '/' || c == ',' || c == '+';
}

/// Where the quoted text ends that begins at `begin`; `begin` if none does.
std::size_t end_of_quotation(std::string_view text, std::size_t begin) noexcept {
  const char quote = text[begin];
  if (quote != '"' && quote != '\'' && quote != '`') return begin;
  if (begin > 0 && is_word(text[begin - 1])) return begin;  // An apostrophe.
  const std::size_t end = text.find(quote, begin + 1);
  return end == std::string_view::npos ? begin : end + 1;
}

/// `begin` if there is none.
std::size_t end_of_word(std::string_view text, std::size_t begin) noexcept {
  while (begin < text.size() && is_word(text[begin])) ++begin;
  return begin;
}

bool has_digit(std::string_view text) noexcept {
  return std::any_of(text.begin(), text.end(), is_digit);
}

/// A group of hexadecimal digits that happen to be letters.
bool may_be_of_id(std::string_view word) noexcept {
  return word.size() >= 4 && word.find_first_not_of("abcdefABCDEF") == std::string_view::npos;
}

std::string_view text_of(otlp::AttributesView attributes, std::string_view key) noexcept {
  for (const otlp::KeyValueView& attribute : attributes) {
    if (attribute.key == key && attribute.value.type == otlp::ValueType::kString) {
      return attribute.value.text;
    }
  }
  return {};
}

}  // namespace

std::string message_shape(std::string_view message) {
  // What is shortened below may be long; nobody reads so far.
  message = cut(message, kMaxShapeBytes * 4);
  std::string shape;
  for (std::size_t at = 0; at < message.size() && shape.size() < kMaxShapeBytes;) {
    const std::size_t quotation = end_of_quotation(message, at);
    const bool joins = is_joint(message[at]) && shape.ends_with('#');
    const std::size_t word = end_of_word(message, joins ? at + 1 : at);
    if (quotation != at) {
      shape.append(1, message[at]).append("…").append(1, message[at]);
      at = quotation;
    } else if (const std::string_view part = message.substr(at, word - at);
               has_digit(part) || (joins && may_be_of_id(part.substr(1)))) {
      if (!joins) shape += '#';  // "#-#" and the like are one.
      at = word;
    } else if (joins || word == at) {
      shape += message[at++];
    } else {
      shape += message.substr(at, word - at);
      at = word;
    }
  }
  return std::string(cut(shape, kMaxShapeBytes));
}

void Errors::add(std::string_view service, const otlp::SpanView& span) {
  std::size_t exceptions = 0;
  for (const otlp::EventView& event : span.events) {
    if (event.name != "exception") continue;
    if (++exceptions > kMaxExceptionsOfSpan) break;
    add(service, text_of(event.attributes, "exception.type"),
        text_of(event.attributes, "exception.message"), stored_time(event.time_unix_nano),
        span.trace_id, span.span_id);
  }
  if (exceptions != 0 || span.status_code != kStatusError) return;
  const std::string_view type = text_of(span.attributes, "error.type");
  if (type.empty() && span.status_message.empty()) return;
  add(service, type, span.status_message, stored_time(span.end_time_unix_nano), span.trace_id,
      span.span_id);
}

void Errors::add(std::string_view service, const otlp::LogRecordView& record, std::int64_t time) {
  const std::string_view type = text_of(record.attributes, "exception.type");
  std::string_view message = text_of(record.attributes, "exception.message");
  if (type.empty() && message.empty() && record.severity_number < kSeverityError) return;
  if (message.empty() && record.body.type == otlp::ValueType::kString) message = record.body.text;
  add(service, type, message, time, record.trace_id, record.span_id);
}

void Errors::add(std::string_view service, std::string_view type, std::string_view message,
                 std::int64_t time, std::string_view trace_id, std::string_view span_id) {
  rows_.service_name.append(service);
  rows_.type.append(cut(type, kMaxTypeBytes));
  rows_.shape.append(message_shape(message));
  rows_.message.append(cut(message, kMaxMessageBytes));
  rows_.time.append(time);
  rows_.trace_id.append(trace_id);
  rows_.span_id.append(span_id);
}

void Errors::write_groups(std::int64_t hour, ErrorGroupColumns& to) const {
  constexpr std::uint32_t kOther = 0xFFFFFFFF;
  struct Group {
    std::uint64_t errors = 0;
    std::int64_t first_seen = 0;
    std::int64_t last_seen = 0;
    std::size_t last = 0;  // A row.
  };
  std::map<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>, Group> groups;
  for (std::size_t row = 0; row < rows_.time.size(); ++row) {
    const std::uint32_t service = rows_.service_name.indexes()[row];
    std::tuple key(service, rows_.type.indexes()[row], rows_.shape.indexes()[row]);
    if (groups.size() >= kMaxGroups && !groups.contains(key)) key = {service, kOther, kOther};
    Group& group = groups[key];
    const std::int64_t time = rows_.time[row];
    if (group.errors++ == 0) group.first_seen = group.last_seen = time;
    group.first_seen = std::min(group.first_seen, time);
    if (time >= group.last_seen) group.last = row;
    group.last_seen = std::max(group.last_seen, time);
  }
  for (const auto& [key, group] : groups) {
    const auto& [service, type, shape] = key;
    to.hour.append(hour);
    to.service_name.append(rows_.service_name.dictionary()[service]);
    to.type.append(type == kOther ? std::string_view() : rows_.type.dictionary()[type]);
    to.shape.append(shape == kOther ? std::string_view() : rows_.shape.dictionary()[shape]);
    to.errors.append(group.errors);
    to.first_seen.append(group.first_seen);
    to.last_seen.append(group.last_seen);
    to.message.append(rows_.message[group.last]);
    to.trace_id.append(rows_.trace_id[group.last]);
    to.span_id.append(rows_.span_id[group.last]);
  }
}

}  // namespace signalbox::server::store
