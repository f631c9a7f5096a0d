#include "server/query/match/nested_value.h"

#include <array>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <boost/system/error_code.hpp>
#include <charconv>
#include <cstddef>

#include "otlp/text.h"

namespace signalbox::server::query {
namespace {

namespace json = boost::json;

/// So deep the engine reads JSON.
constexpr std::size_t kMaxJsonDepth = 1024;

/// The shortest digits that read back as `value`, as the engine writes them: with an exponent only
/// below 1e-6 and from 1e21 on.
void append_number(std::string& out, double value) {
  std::array<char, 32> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                 std::chars_format::scientific)
                       .ptr;
  std::string significant(buffer.data(), end);
  const std::size_t e = significant.find('e');
  const int exponent = std::stoi(significant.substr(e + 1));
  significant.resize(e);
  std::erase(significant, '.');
  if (significant.starts_with('-')) {
    out += '-';
    significant.erase(0, 1);
  }
  const auto count = static_cast<int>(significant.size());
  if (exponent < -6 || exponent >= 21) {
    if (count > 1) significant.insert(1, 1, '.');
    out += significant + 'e' + std::to_string(exponent);
  } else if (exponent < 0) {
    out += "0." + std::string(static_cast<std::size_t>(-exponent - 1), '0') + significant;
  } else if (count <= exponent + 1) {
    out += significant + std::string(static_cast<std::size_t>(exponent + 1 - count), '0');
  } else {
    out += significant.insert(static_cast<std::size_t>(exponent) + 1, 1, '.');
  }
}

void append_json(std::string& out, const json::value& value) {
  char separator = '\0';
  const auto separate = [&] {
    if (separator != '\0') out += separator;
    separator = ',';
  };
  switch (value.kind()) {
    case json::kind::null:
      out += "null";
      return;
    case json::kind::bool_:
      out += value.get_bool() ? "true" : "false";
      return;
    case json::kind::int64:
      otlp::append_int(value.get_int64(), out);
      return;
    case json::kind::uint64:
      out += std::to_string(value.get_uint64());
      return;
    case json::kind::double_:
      append_number(out, value.get_double());
      return;
    case json::kind::string:
      otlp::append_json_string(value.get_string(), out);
      return;
    case json::kind::array:
      out += '[';
      for (const json::value& item : value.get_array()) {
        separate();
        append_json(out, item);
      }
      out += ']';
      return;
    case json::kind::object:
      out += '{';
      for (const auto& [key, member] : value.get_object()) {
        separate();
        otlp::append_json_string(key, out);
        out += ':';
        append_json(out, member);
      }
      out += '}';
      return;
  }
}

std::string text_of(const json::value& value) {
  if (value.is_null()) return {};
  if (value.is_string()) return std::string(value.get_string());
  std::string text;
  append_json(text, value);
  return text;
}

/// Null if there is none; `outer` may be null too.
const json::value* member(const json::value* outer, std::string_view key) {
  const json::object* const object = outer == nullptr ? nullptr : outer->if_object();
  return object == nullptr ? nullptr : object->if_contains(key);
}

const json::value* element(const json::value* outer, std::size_t index) {
  if (outer == nullptr) return nullptr;
  if (const json::array* const array = outer->if_array()) return array->if_contains(index);
  // The engine counts the members of an object too.
  const json::object* const object = outer->if_object();
  if (object == nullptr || index >= object->size()) return nullptr;
  return &(object->begin() + static_cast<std::ptrdiff_t>(index))->value();
}

/// In an AnyValue of OTLP/JSON.
const json::value* any_value_step(const json::value* value, const NestedStep& step) {
  if (step.index) return element(member(member(value, "arrayValue"), "values"), *step.index);
  const json::value* const entries = member(member(value, "kvlistValue"), "values");
  if (entries == nullptr || !entries->is_array()) return nullptr;
  for (const json::value& entry : entries->get_array()) {
    const json::value* const key = member(&entry, "key");
    if (key != nullptr && key->is_string() && key->get_string() == step.key) {
      return member(&entry, "value");
    }
  }
  return nullptr;
}

const json::value* json_step(const json::value* value, const NestedStep& step) {
  return step.index ? element(value, *step.index) : member(value, step.key);
}

/// Whether the store wrote it for a list or array.
bool is_any_value(std::string_view text) {
  if (text.size() < 2) return false;
  return text.substr(2).starts_with("kvlistValue") || text.substr(2).starts_with("arrayValue");
}

}  // namespace

std::optional<std::string> nested_text(std::string_view text, const NestedPath& path) {
  if (text.empty()) return std::nullopt;
  json::monotonic_resource memory;
  json::parse_options options;
  options.max_depth = kMaxJsonDepth;
  boost::system::error_code error;
  const json::value parsed = json::parse(text, error, &memory, options);
  if (error) return std::nullopt;
  const bool has_any_values = is_any_value(text);
  const json::value* value = &parsed;
  for (const NestedStep& step : path) {
    value = has_any_values ? any_value_step(value, step) : json_step(value, step);
  }
  if (value == nullptr) return std::nullopt;
  if (!has_any_values) return text_of(*value);
  const json::value* const sent = element(value, 0);
  return sent == nullptr ? std::string() : text_of(*sent);
}

}  // namespace signalbox::server::query
