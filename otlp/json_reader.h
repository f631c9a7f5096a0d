#pragma once

#include <simdjson.h>

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "otlp/scratch.h"

namespace signalbox::otlp::internal {

/// A name of an enumerator, which proto3's JSON allows in place of its number.
struct EnumName {
  std::string_view name;
  std::int32_t number;
};

[[noreturn]] void fail_json(std::string_view field, const char* expected);

/// Values of fields, in all the forms that proto3's JSON allows. Each throws Malformed, naming
/// `field`.
std::string_view json_string(std::string_view field, simdjson::dom::element value);
bool json_bool(std::string_view field, simdjson::dom::element value);
std::int64_t json_int64(std::string_view field, simdjson::dom::element value);
std::uint64_t json_uint64(std::string_view field, simdjson::dom::element value);
std::int32_t json_int32(std::string_view field, simdjson::dom::element value);
std::uint32_t json_uint32(std::string_view field, simdjson::dom::element value);
double json_double(std::string_view field, simdjson::dom::element value);
simdjson::dom::object json_object(std::string_view field, simdjson::dom::element value);
simdjson::dom::array json_array(std::string_view field, simdjson::dom::element value);

/// Which of `names` (lowerCamelCase) a key is; keys in snake_case count as well. `names.size()` if
/// none.
std::size_t find_json_name(std::string_view key, std::span<const std::string_view> names);

/// Calls `read(index, key, value)` for each field of `object` that is one of `names` and not null.
template <std::size_t N, typename Read>
void for_each_field(simdjson::dom::object object, const std::array<std::string_view, N>& names,
                    Read read) {
  for (const auto field : object) {
    const std::size_t index = find_json_name(field.key, names);
    if (index < N && !field.value.is_null()) read(index, field.key, field.value);
  }
}

/// What the decoders of the three signals have in common, as ProtobufParts has it.
class JsonParts {
 public:
  JsonParts(const DecodeLimits& limits, Scratch& scratch, std::size_t request_bytes,
            DecodeResult& result)
      : scratch_(scratch), checks_(limits, scratch, request_bytes), result_(result) {}

  /// Replaces what `list` holds by the attributes in `value`.
  void attributes(std::string_view field, simdjson::dom::element value, AttributeList& list);
  ValueView value(simdjson::dom::element any_value);
  /// The bytes of an id in hex; of one that is not hex something that is no id.
  std::string_view id(std::string_view field, simdjson::dom::element value);
  /// The number of an enumerator, given as such or by its name; 0 for a name that is not known.
  std::int32_t enumerator(std::string_view field, simdjson::dom::element value,
                          std::span<const EnumName> names);

  ResourceView resource(simdjson::dom::element value);
  ScopeView scope(simdjson::dom::element value);
  /// Replace events, links and exemplars of the scratch's record.
  void events(std::string_view field, simdjson::dom::element value);
  void links(std::string_view field, simdjson::dom::element value);
  void exemplars(std::string_view field, simdjson::dom::element value);

  [[nodiscard]] LimitChecks& checks() { return checks_; }
  [[nodiscard]] Scratch& scratch() { return scratch_; }
  [[nodiscard]] DecodeResult& result() { return result_; }

 private:
  /// A value that is not read to its end: arrays and lists are still in `nested`.
  struct RawValue {
    ValueView value;
    simdjson::dom::element nested;
  };
  RawValue raw_value(simdjson::dom::element any_value);
  void append_json(const RawValue& raw, std::uint32_t depth);
  void count_dropped(const AttributeList& list, std::uint32_t& count);
  void append_json_items(const RawValue& raw, std::uint32_t depth);

  Scratch& scratch_;
  LimitChecks checks_;
  DecodeResult& result_;
};

/// Names of the two outer levels of a request.
struct JsonLevelNames {
  std::string_view resources;  ///< "resourceSpans"
  std::string_view scopes;     ///< "scopeSpans"
  std::string_view records;    ///< "spans"
};

/// Parses a document, with what simdjson refuses and others write: integers beyond 64 bits, and
/// half of a surrogate pair, which counts as altered. What is returned lives as long as `parser` is
/// not used again. Throws Malformed.
simdjson::dom::object parse_object(std::string_view text, simdjson::dom::parser& parser,
                                   Alterations& altered);

/// Parses `text` and calls `decode(root, parts)`; turns Malformed into the result.
DecodeResult run_json_decoder(std::string_view text, const DecodeLimits& limits,
                              const std::function<void(simdjson::dom::object, JsonParts&)>& decode);

/// Walks resources and scopes, calls `sink.on_resource`, `sink.on_scope`, and
/// `read_record(element)`.
template <typename Sink, typename ReadRecord>
void walk_json_resources(simdjson::dom::object root, const JsonLevelNames& names, JsonParts& parts,
                         Sink& sink, ReadRecord read_record) {
  using simdjson::dom::element;
  using Items = std::optional<element>;
  const auto for_each_item = [](std::string_view name, const Items& items, auto read) {
    if (!items) return;
    for (const element item : json_array(name, *items)) read(item);
  };
  Arena& arena = parts.scratch().arena;

  const auto read_scope = [&](element scope_items) {
    const Arena::Mark scope_mark = arena.mark();
    parts.checks().one_more_record(nullptr);
    ScopeView scope;
    std::string_view schema_url;
    Items records;
    parts.scratch().scope_attributes.clear();
    const std::array<std::string_view, 3> fields{"scope", names.records, "schemaUrl"};
    for_each_field(json_object(names.scopes, scope_items), fields,
                   [&](std::size_t index, std::string_view key, element value) {
                     if (index == 0) scope = parts.scope(value);
                     if (index == 1) records = value;
                     if (index == 2) schema_url = json_string(key, value);
                   });
    scope.schema_url = schema_url;
    sink.on_scope(scope);
    for_each_item(names.records, records, [&](element record) {
      const Arena::Mark mark = arena.mark();
      parts.checks().one_more_record(nullptr);
      read_record(record);
      arena.rewind(mark);
    });
    arena.rewind(scope_mark);
  };

  const auto read_resource = [&](element resource_items) {
    arena.rewind({});
    parts.checks().one_more_record(nullptr);
    ResourceView resource;
    std::string_view schema_url;
    Items scopes;
    parts.scratch().resource_attributes.clear();
    const std::array<std::string_view, 3> fields{"resource", names.scopes, "schemaUrl"};
    for_each_field(json_object(names.resources, resource_items), fields,
                   [&](std::size_t index, std::string_view key, element value) {
                     if (index == 0) resource = parts.resource(value);
                     if (index == 1) scopes = value;
                     if (index == 2) schema_url = json_string(key, value);
                   });
    resource.schema_url = schema_url;
    sink.on_resource(resource);
    for_each_item(names.scopes, scopes, read_scope);
  };

  Items resources;
  const std::array<std::string_view, 1> fields{names.resources};
  for_each_field(root, fields,
                 [&](std::size_t, std::string_view, element value) { resources = value; });
  for_each_item(names.resources, resources, read_resource);
}

}  // namespace signalbox::otlp::internal
