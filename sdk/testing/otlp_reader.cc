#include "sdk/testing/otlp_reader.h"

#include <sstream>
#include <stdexcept>

namespace signalbox::sdk::testing {
namespace {

[[noreturn]] void unexpected(const char* message, protozero::pbf_reader& reader) {
  throw std::runtime_error(std::string("unexpected field ") + std::to_string(reader.tag()) +
                           " of " + message);
}

std::pair<std::string, std::string> read_key_value(protozero::pbf_reader reader) {
  std::pair<std::string, std::string> result;
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        result.first = reader.get_string();
        break;
      case 2:
        result.second = read_value(reader.get_message());
        break;
      default:
        unexpected("KeyValue", reader);
    }
  }
  return result;
}

EventRead read_event(protozero::pbf_reader reader) {
  EventRead event;
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        event.time = reader.get_fixed64();
        break;
      case 2:
        event.name = reader.get_string();
        break;
      case 3:
        event.attributes.push_back(read_key_value(reader.get_message()));
        break;
      case 4:
        event.dropped = reader.get_uint32();
        break;
      default:
        unexpected("Event", reader);
    }
  }
  return event;
}

LinkRead read_link(protozero::pbf_reader reader) {
  LinkRead link;
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        link.trace_id = hex(reader.get_string());
        break;
      case 2:
        link.span_id = hex(reader.get_string());
        break;
      case 3:
        link.trace_state = reader.get_string();
        break;
      case 4:
        link.attributes.push_back(read_key_value(reader.get_message()));
        break;
      case 5:
        link.dropped = reader.get_uint32();
        break;
      case 6:
        link.flags = reader.get_fixed32();
        break;
      default:
        unexpected("Link", reader);
    }
  }
  return link;
}

void read_status(protozero::pbf_reader reader, SpanRead& span) {
  while (reader.next()) {
    switch (reader.tag()) {
      case 2:
        span.status_message = reader.get_string();
        break;
      case 3:
        span.status = static_cast<std::uint64_t>(reader.get_enum());
        break;
      default:
        unexpected("Status", reader);
    }
  }
}

SpanRead read_span(protozero::pbf_reader reader, SpanRead span) {
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        span.trace_id = hex(reader.get_string());
        break;
      case 2:
        span.span_id = hex(reader.get_string());
        break;
      case 3:
        span.trace_state = reader.get_string();
        break;
      case 4:
        span.parent_span_id = hex(reader.get_string());
        break;
      case 5:
        span.name = reader.get_string();
        break;
      case 6:
        span.kind = static_cast<std::uint64_t>(reader.get_enum());
        break;
      case 7:
        span.start = reader.get_fixed64();
        break;
      case 8:
        span.end = reader.get_fixed64();
        break;
      case 9:
        span.attributes.push_back(read_key_value(reader.get_message()));
        break;
      case 10:
        span.dropped_attributes = reader.get_uint32();
        break;
      case 11:
        span.events.push_back(read_event(reader.get_message()));
        break;
      case 12:
        span.dropped_events = reader.get_uint32();
        break;
      case 13:
        span.links.push_back(read_link(reader.get_message()));
        break;
      case 14:
        span.dropped_links = reader.get_uint32();
        break;
      case 15:
        read_status(reader.get_message(), span);
        break;
      case 16:
        span.flags = reader.get_fixed32();
        break;
      default:
        unexpected("Span", reader);
    }
  }
  return span;
}

LogRead read_log(protozero::pbf_reader reader, const SpanRead& around) {
  LogRead log;
  log.scope_name = around.scope_name;
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        log.time = reader.get_fixed64();
        break;
      case 2:
        log.severity = static_cast<std::uint64_t>(reader.get_enum());
        break;
      case 3:
        log.severity_text = reader.get_string();
        break;
      case 5:
        log.body = read_value(reader.get_message());
        break;
      case 6:
        log.attributes.push_back(read_key_value(reader.get_message()));
        break;
      case 7:
        log.dropped_attributes = reader.get_uint32();
        break;
      case 8:
        log.flags = reader.get_fixed32();
        break;
      case 9:
        log.trace_id = hex(reader.get_string());
        break;
      case 10:
        log.span_id = hex(reader.get_string());
        break;
      case 11:
        log.observed_time = reader.get_fixed64();
        break;
      case 12:
        log.event_name = reader.get_string();
        break;
      default:
        unexpected("LogRecord", reader);
    }
  }
  return log;
}

void read_scope(protozero::pbf_reader reader, SpanRead& around) {
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        around.scope_name = reader.get_string();
        break;
      case 2:
        around.scope_version = reader.get_string();
        break;
      default:
        reader.skip();
    }
  }
}

/// Calls `each(item, around)` for each item of ScopeSpans or ScopeLogs.
template <typename Each>
void read_scope_items(protozero::pbf_reader scope_items, SpanRead around, Each&& each) {
  std::vector<protozero::pbf_reader> items;
  while (scope_items.next()) {
    switch (scope_items.tag()) {
      case 1:
        read_scope(scope_items.get_message(), around);
        break;
      case 2:
        items.push_back(scope_items.get_message());
        break;
      case 3:
        around.scope_schema = scope_items.get_string();
        break;
      default:
        unexpected("ScopeSpans", scope_items);
    }
  }
  for (const protozero::pbf_reader& item : items) each(item, around);
}

template <typename Each>
void read_resource_items(protozero::pbf_reader resource_items, Each&& each) {
  SpanRead around;
  std::vector<protozero::pbf_reader> scopes;
  while (resource_items.next()) {
    switch (resource_items.tag()) {
      case 1: {
        protozero::pbf_reader resource = resource_items.get_message();
        while (resource.next(1)) around.resource.push_back(read_key_value(resource.get_message()));
        break;
      }
      case 2:
        scopes.push_back(resource_items.get_message());
        break;
      case 3:
        around.resource_schema = resource_items.get_string();
        break;
      default:
        unexpected("ResourceSpans", resource_items);
    }
  }
  for (const protozero::pbf_reader& scope : scopes) read_scope_items(scope, around, each);
}

template <typename Each>
void read_request(std::string_view bytes, Each&& each) {
  protozero::pbf_reader request(bytes.data(), bytes.size());
  while (request.next()) {
    if (request.tag() != 1) unexpected("the request", request);
    read_resource_items(request.get_message(), each);
  }
}

}  // namespace

std::string read_value(protozero::pbf_reader value) {
  std::string text = "empty";
  while (value.next()) {
    switch (value.tag()) {
      case 1:
        text = "s:" + value.get_string();
        break;
      case 2:
        text = value.get_bool() ? "b:1" : "b:0";
        break;
      case 3:
        text = "i:" + std::to_string(value.get_int64());
        break;
      case 4: {
        std::ostringstream number;
        number << value.get_double();
        text = "d:" + number.str();
        break;
      }
      case 5: {
        text = "[";
        protozero::pbf_reader array = value.get_message();
        while (array.next(1)) {
          if (text.size() > 1) text += ',';
          text += read_value(array.get_message());
        }
        text += "]";
        break;
      }
      case 6: {
        text = "{";
        protozero::pbf_reader list = value.get_message();
        while (list.next(1)) {
          const auto [key, inner] = read_key_value(list.get_message());
          if (text.size() > 1) text += ',';
          text.append(key).append("=").append(inner);
        }
        text += "}";
        break;
      }
      default:
        unexpected("AnyValue", value);
    }
  }
  return text;
}

std::vector<SpanRead> read_spans(std::string_view request) {
  std::vector<SpanRead> spans;
  read_request(request, [&](const protozero::pbf_reader& item, const SpanRead& around) {
    spans.push_back(read_span(item, around));
  });
  return spans;
}

std::vector<LogRead> read_logs(std::string_view request) {
  std::vector<LogRead> logs;
  read_request(request, [&](const protozero::pbf_reader& item, const SpanRead& around) {
    logs.push_back(read_log(item, around));
  });
  return logs;
}

std::string value_of(const KeyValues& attributes, std::string_view key) {
  for (const auto& [name, value] : attributes) {
    if (name == key) return value;
  }
  return "";
}

std::string hex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    text += kDigits[static_cast<unsigned char>(c) >> 4];
    text += kDigits[static_cast<unsigned char>(c) & 0xF];
  }
  return text;
}

}  // namespace signalbox::sdk::testing
