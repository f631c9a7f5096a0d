#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <protozero/pbf_writer.hpp>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "otlp/text.h"

namespace signalbox::otlp::testing {

/// One message in both of OTLP's encodings.
struct Both {
  std::string protobuf;
  std::string json;
};

/// Makes random requests: any field may be missing, fields come in any order, unknown ones among
/// them. The protobuf side is written by protozero's writer, the JSON side by hand.
class RandomRequests {
 public:
  explicit RandomRequests(std::uint64_t seed) : random_(seed) {}

  Both traces() { return request("resourceSpans", "scopeSpans", "spans", &RandomRequests::span); }
  Both logs() {
    return request("resourceLogs", "scopeLogs", "logRecords", &RandomRequests::log_record);
  }
  Both metrics() {
    return request("resourceMetrics", "scopeMetrics", "metrics", &RandomRequests::metric);
  }

 private:
  using Maker = Both (RandomRequests::*)();

  /// The fields of one message, each already encoded in both ways.
  class Fields {
   public:
    explicit Fields(RandomRequests& owner) : owner_(owner) {}

    /// Adds a field, or not.
    template <typename WriteProtobuf>
    void add(const char* name, WriteProtobuf write, std::string json) {
      if (!owner_.chance(5, 6)) return;
      std::string protobuf;
      protozero::pbf_writer writer(protobuf);
      write(writer);
      fields_.push_back(
          {std::move(protobuf), '"' + owner_.spelled(name) + "\":" + std::move(json)});
    }
    void text(std::uint32_t tag, const char* name) {
      const std::string value = owner_.text();
      add(name, [&](auto& writer) { writer.add_string(tag, value); }, quoted(value));
    }
    void id(std::uint32_t tag, const char* name, std::size_t size) {
      const std::string value = owner_.id(size);
      add(name, [&](auto& writer) { writer.add_bytes(tag, value); }, hex(value));
    }
    void fixed64(std::uint32_t tag, const char* name) {
      const std::uint64_t value = owner_.uint64();
      add(name, [&](auto& writer) { writer.add_fixed64(tag, value); }, owner_.integer(value));
    }
    /// Seldom one that cannot be expressed, for it costs the record.
    void time(std::uint32_t tag, const char* name) {
      constexpr std::uint64_t kStartOf2262 = 9'214'646'400'000'000'000;
      const std::uint64_t any = owner_.uint64();
      const std::uint64_t value = owner_.chance(1, 50) ? any : any % kStartOf2262;
      add(name, [&](auto& writer) { writer.add_fixed64(tag, value); }, owner_.integer(value));
    }
    void uint32(std::uint32_t tag, const char* name) {
      const auto value = static_cast<std::uint32_t>(owner_.uint64());
      add(name, [&](auto& writer) { writer.add_uint32(tag, value); }, owner_.integer(value));
    }
    void fixed32(std::uint32_t tag, const char* name) {
      const auto value = static_cast<std::uint32_t>(owner_.uint64());
      add(name, [&](auto& writer) { writer.add_fixed32(tag, value); }, owner_.integer(value));
    }
    void sint32(std::uint32_t tag, const char* name) {
      const auto value = static_cast<std::int32_t>(owner_.uint64());
      add(name, [&](auto& writer) { writer.add_sint32(tag, value); }, owner_.integer(value));
    }
    void enumerator(std::uint32_t tag, const char* name) {
      const std::uint64_t any = owner_.chance(1, 10) ? owner_.uint64() : owner_.below(5);
      const auto value = static_cast<std::int32_t>(any);
      add(name, [&](auto& writer) { writer.add_enum(tag, value); }, std::to_string(value));
    }
    void number(std::uint32_t tag, const char* name) {
      const double value = owner_.real();
      add(name, [&](auto& writer) { writer.add_double(tag, value); }, real_json(value));
    }
    void message(std::uint32_t tag, const char* name, const Both& value) {
      add(name, [&](auto& writer) { writer.add_message(tag, value.protobuf); }, value.json);
    }
    void repeated(std::uint32_t tag, const char* name, std::size_t most, Maker make) {
      std::vector<Both> items(owner_.below(most + 1));
      std::string json;
      for (Both& item : items) {
        item = (owner_.*make)();
        json += (json.empty() ? "" : ",") + item.json;
      }
      add(
          name,
          [&](auto& writer) {
            for (const Both& item : items) writer.add_message(tag, item.protobuf);
          },
          '[' + json + ']');
    }
    void attributes(std::uint32_t tag, const char* name = "attributes") {
      repeated(tag, name, 4, &RandomRequests::key_value);
    }

    /// The message, its fields in random order.
    Both message() {
      if (owner_.chance(1, 4)) {
        add("unknown", [](auto& writer) { writer.add_string(999, "new"); }, R"({"a":[null,{}]})");
      }
      std::shuffle(fields_.begin(), fields_.end(), owner_.random_);
      Both both;
      for (const Both& field : fields_) {
        both.protobuf += field.protobuf;
        both.json += (both.json.empty() ? "" : ",") + field.json;
      }
      both.json = '{' + both.json + '}';
      return both;
    }

   private:
    RandomRequests& owner_;
    std::vector<Both> fields_;
  };

  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
  bool chance(std::uint64_t some, std::uint64_t all) { return below(all) < some; }

  std::uint64_t uint64() {
    switch (below(4)) {
      case 0:
        return below(300);
      case 1:
        return UINT64_MAX - below(2);
      case 2:
        return static_cast<std::uint64_t>(INT64_MAX) + below(2);
      default:
        return random_() >> below(64);
    }
  }
  double real() {
    switch (below(6)) {
      case 0:
        return std::numeric_limits<double>::infinity();
      case 1:
        return -std::numeric_limits<double>::infinity();
      case 2:
        return std::numeric_limits<double>::quiet_NaN();
      case 3:
        return static_cast<double>(below(1000));
      default:
        return std::ldexp(static_cast<double>(static_cast<std::int64_t>(random_())),
                          static_cast<int>(below(200)) - 100);
    }
  }
  std::string text() {
    static constexpr std::array<std::string_view, 11> kPieces{
        "a", "GET /", "\"", "\\", "\n", "\x01", "é", "日本", "🚦", "0", " "};
    std::string result;
    for (std::uint64_t i = below(6); i > 0; --i) result += kPieces[below(kPieces.size())];
    return result;
  }
  std::string id(std::size_t size) {
    if (chance(1, 12)) size = below(20);
    std::string bytes(size, '\0');
    if (!chance(1, 12)) {
      for (char& byte : bytes) byte = static_cast<char>(random_());
    }
    return bytes;
  }
  /// camelCase as it is, or in snake_case.
  std::string spelled(const std::string& camel) {
    if (!chance(1, 8)) return camel;
    std::string snake;
    for (const char c : camel) {
      if (c >= 'A' && c <= 'Z') {
        snake += '_';
        snake += static_cast<char>(c - 'A' + 'a');
      } else {
        snake += c;
      }
    }
    return snake;
  }
  template <typename Int>
  std::string integer(Int value) {
    const std::string digits = std::to_string(value);
    return chance(1, 2) ? digits : '"' + digits + '"';
  }

  static std::string quoted(const std::string& text) {
    std::string json;
    append_json_string(text, json);
    return json;
  }
  static std::string hex(const std::string& bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text;
    for (const char byte : bytes) {
      text += kDigits[static_cast<unsigned char>(byte) >> 4U];
      text += kDigits[static_cast<unsigned char>(byte) & 15U];
    }
    return '"' + text + '"';
  }
  static std::string real_json(double value) {
    if (std::isnan(value)) return "\"NaN\"";
    if (std::isinf(value)) return value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
    char buffer[40];
    return {buffer, std::to_chars(buffer, buffer + sizeof(buffer), value).ptr};
  }

  Both any_value() { return any_value(3); }
  Both any_value(int depth) {
    Fields fields(*this);
    switch (below(depth > 0 ? 7 : 5)) {
      case 0:
        fields.text(1, "stringValue");
        break;
      case 1: {
        const bool value = chance(1, 2);
        fields.add(
            "boolValue", [&](auto& writer) { writer.add_bool(2, value); },
            value ? "true" : "false");
        break;
      }
      case 2: {
        const auto value = static_cast<std::int64_t>(uint64());
        fields.add("intValue", [&](auto& writer) { writer.add_int64(3, value); }, integer(value));
        break;
      }
      case 3:
        fields.number(4, "doubleValue");
        break;
      case 4: {
        const std::string value = id(below(10));
        std::string base64;
        append_base64(value, base64);
        fields.add(
            "bytesValue", [&](auto& writer) { writer.add_bytes(7, value); }, '"' + base64 + '"');
        break;
      }
      case 5:
        fields.message(5, "arrayValue", list(depth, false));
        break;
      default:
        fields.message(6, "kvlistValue", list(depth, true));
        break;
    }
    return fields.message();
  }
  Both list(int depth, bool has_keys) {
    depth_ = depth - 1;
    Fields fields(*this);
    fields.repeated(1, "values", 3,
                    has_keys ? &RandomRequests::nested_key_value : &RandomRequests::nested_value);
    return fields.message();
  }
  Both nested_value() { return any_value(depth_); }
  Both nested_key_value() { return key_value(depth_); }
  Both key_value() { return key_value(3); }
  Both key_value(int depth) {
    Fields fields(*this);
    fields.text(1, "key");
    fields.message(2, "value", any_value(depth));
    return fields.message();
  }

  Both request(const char* resources, const char* scopes, const char* records, Maker make_record) {
    scopes_ = scopes;
    records_ = records;
    make_record_ = make_record;
    Fields fields(*this);
    fields.repeated(1, resources, 3, &RandomRequests::resource_items);
    return fields.message();
  }
  Both resource_items() {
    Fields resource(*this);
    resource.attributes(1);
    resource.uint32(2, "droppedAttributesCount");
    Fields fields(*this);
    fields.message(1, "resource", resource.message());
    fields.repeated(2, scopes_, 3, &RandomRequests::scope_items);
    fields.text(3, "schemaUrl");
    return fields.message();
  }
  Both scope_items() {
    Fields scope(*this);
    scope.text(1, "name");
    scope.text(2, "version");
    scope.attributes(3);
    scope.uint32(4, "droppedAttributesCount");
    Fields fields(*this);
    fields.message(1, "scope", scope.message());
    fields.repeated(2, records_, 3, make_record_);
    fields.text(3, "schemaUrl");
    return fields.message();
  }

  Both span() {
    Fields status(*this);
    status.text(2, "message");
    status.enumerator(3, "code");
    Fields fields(*this);
    fields.id(1, "traceId", 16);
    fields.id(2, "spanId", 8);
    fields.text(3, "traceState");
    fields.id(4, "parentSpanId", 8);
    fields.text(5, "name");
    fields.enumerator(6, "kind");
    fields.time(7, "startTimeUnixNano");
    fields.time(8, "endTimeUnixNano");
    fields.attributes(9);
    fields.uint32(10, "droppedAttributesCount");
    fields.repeated(11, "events", 3, &RandomRequests::event);
    fields.uint32(12, "droppedEventsCount");
    fields.repeated(13, "links", 2, &RandomRequests::link);
    fields.uint32(14, "droppedLinksCount");
    fields.message(15, "status", status.message());
    fields.fixed32(16, "flags");
    return fields.message();
  }
  Both event() {
    Fields fields(*this);
    fields.time(1, "timeUnixNano");
    fields.text(2, "name");
    fields.attributes(3);
    fields.uint32(4, "droppedAttributesCount");
    return fields.message();
  }
  Both link() {
    Fields fields(*this);
    fields.id(1, "traceId", 16);
    fields.id(2, "spanId", 8);
    fields.text(3, "traceState");
    fields.attributes(4);
    fields.uint32(5, "droppedAttributesCount");
    fields.fixed32(6, "flags");
    return fields.message();
  }
  Both log_record() {
    Fields fields(*this);
    fields.time(1, "timeUnixNano");
    fields.enumerator(2, "severityNumber");
    fields.text(3, "severityText");
    fields.message(5, "body", any_value());
    fields.attributes(6);
    fields.uint32(7, "droppedAttributesCount");
    fields.fixed32(8, "flags");
    fields.id(9, "traceId", 16);
    fields.id(10, "spanId", 8);
    fields.time(11, "observedTimeUnixNano");
    fields.text(12, "eventName");
    return fields.message();
  }

  Both metric() {
    Fields fields(*this);
    fields.text(1, "name");
    fields.text(2, "description");
    fields.text(3, "unit");
    fields.attributes(12, "metadata");
    switch (below(6)) {
      case 0:
        fields.message(5, "gauge", data(&RandomRequests::number_point, false, false));
        break;
      case 1:
        fields.message(7, "sum", data(&RandomRequests::number_point, true, true));
        break;
      case 2:
        fields.message(9, "histogram", data(&RandomRequests::histogram_point, true, false));
        break;
      case 3:
        fields.message(10, "exponentialHistogram",
                       data(&RandomRequests::exponential_point, true, false));
        break;
      case 4:
        fields.message(11, "summary", data(&RandomRequests::summary_point, false, false));
        break;
      default:
        break;
    }
    return fields.message();
  }
  Both data(Maker make_point, bool has_temporality, bool has_monotonic) {
    Fields fields(*this);
    fields.repeated(1, "dataPoints", 3, make_point);
    if (has_temporality) fields.enumerator(2, "aggregationTemporality");
    if (has_monotonic) fields.add("isMonotonic", [](auto& w) { w.add_bool(3, true); }, "true");
    return fields.message();
  }
  void integer_or_real(Fields& fields, std::uint32_t int_tag, std::uint32_t real_tag) {
    if (chance(1, 2)) {
      const auto value = static_cast<std::int64_t>(uint64());
      fields.add("asInt", [&](auto& w) { w.add_sfixed64(int_tag, value); }, integer(value));
    } else {
      fields.number(real_tag, "asDouble");
    }
  }
  Both exemplar() {
    Fields fields(*this);
    fields.time(2, "timeUnixNano");
    integer_or_real(fields, 6, 3);
    fields.id(4, "spanId", 8);
    fields.id(5, "traceId", 16);
    fields.attributes(7, "filteredAttributes");
    return fields.message();
  }
  Both number_point() {
    Fields fields(*this);
    fields.time(2, "startTimeUnixNano");
    fields.time(3, "timeUnixNano");
    integer_or_real(fields, 6, 4);
    fields.repeated(5, "exemplars", 2, &RandomRequests::exemplar);
    fields.attributes(7);
    fields.uint32(8, "flags");
    return fields.message();
  }
  /// A repeated number: packed or not in protobuf.
  template <typename T, typename WritePacked, typename WriteOne, typename ToJson>
  void numbers(Fields& fields, const char* name, const std::vector<T>& items, WritePacked packed,
               WriteOne one, ToJson to_json) {
    const bool is_packed = chance(1, 2);
    std::string json;
    for (const T& item : items) json += (json.empty() ? "" : ",") + to_json(item);
    fields.add(
        name,
        [&](auto& writer) {
          if (is_packed) {
            packed(writer);
          } else {
            for (const T& item : items) one(writer, item);
          }
        },
        '[' + json + ']');
  }
  std::vector<std::uint64_t> counts(std::size_t size) {
    std::vector<std::uint64_t> items(size);
    for (auto& item : items) item = uint64();
    return items;
  }
  Both histogram_point() {
    const std::vector<std::uint64_t> buckets = counts(below(4));
    std::vector<double> bounds(buckets.empty() ? 0 : buckets.size() - 1);
    for (double& bound : bounds) bound = real();
    Fields fields(*this);
    fields.time(2, "startTimeUnixNano");
    fields.time(3, "timeUnixNano");
    fields.fixed64(4, "count");
    fields.number(5, "sum");
    numbers(
        fields, "bucketCounts", buckets,
        [&](auto& w) { w.add_packed_fixed64(6, buckets.begin(), buckets.end()); },
        [](auto& w, std::uint64_t count) { w.add_fixed64(6, count); },
        [&](std::uint64_t count) { return integer(count); });
    numbers(
        fields, "explicitBounds", bounds,
        [&](auto& w) { w.add_packed_double(7, bounds.begin(), bounds.end()); },
        [](auto& w, double bound) { w.add_double(7, bound); }, real_json);
    fields.repeated(8, "exemplars", 2, &RandomRequests::exemplar);
    fields.attributes(9);
    fields.uint32(10, "flags");
    fields.number(11, "min");
    fields.number(12, "max");
    return fields.message();
  }
  Both buckets() {
    const std::vector<std::uint64_t> items = counts(below(5));
    Fields fields(*this);
    fields.sint32(1, "offset");
    numbers(
        fields, "bucketCounts", items,
        [&](auto& w) { w.add_packed_uint64(2, items.begin(), items.end()); },
        [](auto& w, std::uint64_t count) { w.add_uint64(2, count); },
        [&](std::uint64_t count) { return integer(count); });
    return fields.message();
  }
  Both exponential_point() {
    Fields fields(*this);
    fields.attributes(1);
    fields.time(2, "startTimeUnixNano");
    fields.time(3, "timeUnixNano");
    fields.fixed64(4, "count");
    fields.number(5, "sum");
    fields.sint32(6, "scale");
    fields.fixed64(7, "zeroCount");
    fields.message(8, "positive", buckets());
    fields.message(9, "negative", buckets());
    fields.uint32(10, "flags");
    fields.repeated(11, "exemplars", 2, &RandomRequests::exemplar);
    fields.number(12, "min");
    fields.number(13, "max");
    fields.number(14, "zeroThreshold");
    return fields.message();
  }
  Both quantile() {
    Fields fields(*this);
    fields.number(1, "quantile");
    fields.number(2, "value");
    return fields.message();
  }
  Both summary_point() {
    Fields fields(*this);
    fields.time(2, "startTimeUnixNano");
    fields.time(3, "timeUnixNano");
    fields.fixed64(4, "count");
    fields.number(5, "sum");
    fields.repeated(6, "quantileValues", 3, &RandomRequests::quantile);
    fields.attributes(7);
    fields.uint32(8, "flags");
    return fields.message();
  }

  std::mt19937_64 random_;
  int depth_ = 0;
  const char* scopes_ = "";
  const char* records_ = "";
  Maker make_record_ = nullptr;
};

}  // namespace signalbox::otlp::testing
