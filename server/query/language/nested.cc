#include "server/query/language/nested.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace signalbox::server::query {
namespace {

constexpr std::size_t kMaxNestedKeys = 8;
constexpr std::size_t kMaxIndexDigits = 9;

/// How long the index is that begins here: "[0]" has 3 characters; 0 if there is none.
std::size_t index_length(std::string_view text) {
  if (!text.starts_with('[')) return 0;
  const std::size_t close = text.find_first_not_of("0123456789", 1);
  const bool is_index = close != std::string_view::npos && text[close] == ']' && close > 1 &&
                        close <= kMaxIndexDigits + 1;
  return is_index ? close + 1 : 0;
}

/// Where the key ends that begins at `from`: at a dot, at an index or at the end.
std::size_t key_end(std::string_view text, std::size_t from) {
  std::size_t end = from;
  while (end < text.size() && text[end] != '.' && index_length(text.substr(end)) == 0) ++end;
  return end;
}

/// `value` (SQL) as SQL for the value that it has at `step`, if it is OTLP's AnyValue as JSON.
std::string in_any_value(const std::string& value, const NestedStep& step, const std::string& key) {
  if (step.index) {
    return "JSONExtractRaw(" + value + ", 'arrayValue', 'values', " +
           std::to_string(*step.index + 1) + ")";
  }
  return "JSONExtractRaw(arrayFirst(e -> JSONExtractString(e, 'key') = " + key +
         ", JSONExtractArrayRaw(" + value + ", 'kvlistValue', 'values')), 'value')";
}

}  // namespace

NestedPath parse_nested_path(std::string_view text) {
  NestedPath path;
  std::size_t at = 0;
  while (path.size() + 1 < kMaxNestedSteps) {
    if (const std::size_t length = index_length(text.substr(at)); length > 0) {
      std::uint32_t index = 0;
      std::from_chars(text.data() + at + 1, text.data() + at + length, index);
      path.push_back({.key = {}, .index = index});
      at += length;
      if (at == text.size()) return path;
      // Another index may follow without a dot.
      if (text[at] == '.') ++at;
      continue;
    }
    const std::size_t end = key_end(text, at);
    path.push_back({.key = std::string(text.substr(at, end - at))});
    if (end == text.size()) return path;
    at = text[end] == '.' ? end + 1 : end;
  }
  path.push_back({.key = std::string(text.substr(at))});
  return path;
}

std::vector<NestedKey> nested_keys(std::string_view name) {
  std::vector<NestedKey> keys;
  for (std::size_t end = name.size(); end-- > 1 && keys.size() < kMaxNestedKeys;) {
    const std::size_t index = index_length(name.substr(end));
    if (name[end] != '.' && index == 0) continue;
    const std::size_t rest = index > 0 ? end : end + 1;
    keys.push_back({std::string(name.substr(0, end)), parse_nested_path(name.substr(rest))});
  }
  return keys;
}

AttributePlace nested_place(const AttributePlace& outer, const NestedPath& path,
                            Parameters& parameters) {
  const std::string text = "toString(" + outer.text + ")";
  std::string any_value = text;
  std::string steps;
  for (const NestedStep& step : path) {
    const std::string key = step.index ? std::string() : parameters.bind(step.key);
    any_value = in_any_value(any_value, step, key);
    steps += ", " + (step.index ? std::to_string(*step.index + 1) : key);
  }
  // As SlottedAttributes stores lists and arrays.
  const std::string is_any_value = "(substring(" + text + ", 3, 11) = 'kvlistValue' OR substring(" +
                                   text + ", 3, 10) = 'arrayValue')";
  AttributePlace place;
  place.kind = AttributePlace::Kind::kText;
  place.exists =
      "if(" + is_any_value + ", notEmpty(" + any_value + "), JSONHas(" + text + steps + "))";
  if (!outer.exists.empty()) place.exists = "(" + outer.exists + " AND " + place.exists + ")";
  place.text = "if(" + is_any_value + ", JSONExtract(" + any_value +
               ", 1, 'String'), JSONExtract(" + text + steps + ", 'String'))";
  place.column = place.text;
  return place;
}

std::vector<NestedPath> body_paths(std::string_view path) {
  std::vector<NestedPath> paths = {parse_nested_path(path)};
  const NestedPath& steps = paths.front();
  const bool has_index =
      std::any_of(steps.begin(), steps.end(), [](const auto& step) { return step.index; });
  if (steps.size() > 1 && !has_index) paths.push_back({{.key = std::string(path)}});
  return paths;
}

std::vector<AttributePlace> body_places(std::string_view path, Parameters& parameters) {
  AttributePlace body;
  body.text = "body";
  std::vector<AttributePlace> places;
  for (const NestedPath& steps : body_paths(path)) {
    places.push_back(nested_place(body, steps, parameters));
  }
  return places;
}

}  // namespace signalbox::server::query
