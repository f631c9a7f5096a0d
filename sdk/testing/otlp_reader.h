#pragma once

#include <cstdint>
#include <map>
#include <protozero/pbf_reader.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// For tests: reads OTLP requests with another library than the one that wrote them. Throws
/// protozero::exception at malformed bytes, std::runtime_error at fields that should not be there.
namespace signalbox::sdk::testing {

/// AnyValue as text: "s:abc", "b:1", "i:-5", "d:0.5", "[s:a,s:b]", "{k=i:1}".
std::string read_value(protozero::pbf_reader value);
/// KeyValues in the order of the wire; a repeated key stays repeated.
using KeyValues = std::vector<std::pair<std::string, std::string>>;

struct EventRead {
  std::uint64_t time = 0;
  std::string name;
  KeyValues attributes;
  std::uint32_t dropped = 0;
};

struct LinkRead {
  std::string trace_id;
  std::string span_id;
  std::string trace_state;
  KeyValues attributes;
  std::uint32_t dropped = 0;
  std::uint32_t flags = 0;
};

/// A span or a log record, with the scope and resource it stood in.
struct SpanRead {
  std::string trace_id;
  std::string span_id;
  std::string parent_span_id;
  std::string trace_state;
  std::string name;
  std::uint64_t kind = 0;
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  KeyValues attributes;
  std::uint32_t dropped_attributes = 0;
  std::vector<EventRead> events;
  std::uint32_t dropped_events = 0;
  std::vector<LinkRead> links;
  std::uint32_t dropped_links = 0;
  std::string status_message;
  std::uint64_t status = 0;
  std::uint32_t flags = 0;
  std::string scope_name;
  std::string scope_version;
  std::string scope_schema;
  KeyValues resource;
  std::string resource_schema;
};

struct LogRead {
  std::uint64_t time = 0;
  std::uint64_t observed_time = 0;
  std::uint64_t severity = 0;
  std::string severity_text;
  std::string body;
  KeyValues attributes;
  std::uint32_t dropped_attributes = 0;
  std::uint32_t flags = 0;
  std::string trace_id;
  std::string span_id;
  std::string event_name;
  std::string scope_name;
};

std::vector<SpanRead> read_spans(std::string_view request);
std::vector<LogRead> read_logs(std::string_view request);
template <typename Requests>
std::vector<SpanRead> read_all_spans(const Requests& requests) {
  std::vector<SpanRead> all;
  for (const auto& request : requests) {
    for (SpanRead& span : read_spans(request)) all.push_back(std::move(span));
  }
  return all;
}

/// The value of `key`; "" if it is not there.
std::string value_of(const KeyValues& attributes, std::string_view key);
/// Lower-case hexadecimal digits.
std::string hex(std::string_view bytes);

}  // namespace signalbox::sdk::testing
