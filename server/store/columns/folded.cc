#include "server/store/columns/folded.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <limits>
#include <string_view>

namespace signalbox::server::store {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

template <typename Number>
void append_number(std::string& out, Number value) {
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  out.append(digits.data(), end.ptr);
}

void append_hex(std::string& out, std::string_view bytes) {
  out += '"';
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += kHexDigits[byte >> 4];
    out += kHexDigits[byte & 15];
  }
  out += '"';
}

/// `,[keys],[values],"types",dropped`
void append_attributes(std::string& out, const StoredAttributes& attributes,
                       std::uint32_t dropped) {
  const auto list = [&](auto member) {
    out += ",[";
    bool first = true;
    for (const StoredAttributes::Entry& entry : attributes.entries()) {
      if (!first) out += ',';
      first = false;
      append_json(out, entry.*member);
    }
    out += ']';
  };
  list(&StoredAttributes::Entry::key);
  list(&StoredAttributes::Entry::value);
  out += ',';
  append_json(out, attributes.types());
  out += ',';
  append_number(out, dropped);
}

/// Opens the object at its first member.
void begin_member(std::string& out, char name) {
  out += out.empty() ? '{' : ',';
  out += '"';
  out += name;
  out += "\":";
}

template <typename Items, typename One>
void append_list(std::string& out, char name, const Items& items, One one) {
  if (items.empty()) return;
  begin_member(out, name);
  char separator = '[';
  for (const auto& item : items) {
    out += separator;
    out += '[';
    one(item);
    out += ']';
    separator = ',';
  }
  out += ']';
}

}  // namespace

void append_json(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      out += "\\u00";
      out += kHexDigits[byte >> 4];
      out += kHexDigits[byte & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

std::int64_t stored_time(std::uint64_t unix_nano) noexcept {
  constexpr std::uint64_t kLast = std::numeric_limits<std::int64_t>::max();
  return static_cast<std::int64_t>(std::min(unix_nano, kLast));
}

void fold_span(const otlp::SpanView& span, StoredAttributes& attributes, std::string& out) {
  out.clear();
  if (!span.status_message.empty()) {
    begin_member(out, 'm');
    append_json(out, span.status_message);
  }
  if (!span.trace_state.empty()) {
    begin_member(out, 'w');
    append_json(out, span.trace_state);
  }
  if ((span.dropped_attributes_count | span.dropped_events_count | span.dropped_links_count) != 0) {
    begin_member(out, 'd');
    out += '[';
    append_number(out, span.dropped_attributes_count);
    out += ',';
    append_number(out, span.dropped_events_count);
    out += ',';
    append_number(out, span.dropped_links_count);
    out += ']';
  }
  append_list(out, 'e', span.events, [&](const otlp::EventView& event) {
    append_number(out, stored_time(event.time_unix_nano));
    out += ',';
    append_json(out, event.name);
    attributes.assign(event.attributes);
    append_attributes(out, attributes, event.dropped_attributes_count);
  });
  append_list(out, 'l', span.links, [&](const otlp::LinkView& link) {
    append_hex(out, link.trace_id);
    out += ',';
    append_hex(out, link.span_id);
    out += ',';
    append_json(out, link.trace_state);
    out += ',';
    append_number(out, link.flags);
    attributes.assign(link.attributes);
    append_attributes(out, attributes, link.dropped_attributes_count);
  });
  if (!out.empty()) out += '}';
}

void fold_log(const otlp::LogRecordView& record, bool exact_times, std::string& out) {
  out.clear();
  if (record.body.type != otlp::ValueType::kString) {
    begin_member(out, 'b');
    const auto type = static_cast<char>(record.body.type);
    append_json(out, {&type, 1});
  }
  if (record.dropped_attributes_count != 0) {
    begin_member(out, 'd');
    append_number(out, record.dropped_attributes_count);
  }
  if (exact_times) {
    begin_member(out, 't');
    append_number(out, record.time_unix_nano);
    begin_member(out, 'o');
    append_number(out, record.observed_time_unix_nano);
  }
  if (!out.empty()) out += '}';
}

}  // namespace signalbox::server::store
