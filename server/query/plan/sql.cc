#include "server/query/plan/sql.h"

#include <charconv>
#include <utility>

namespace signalbox::server::query {

std::string escape_parameter(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '\\':
        escaped += "\\\\";
        break;
      case '\n':
        escaped += "\\n";
        break;
      case '\t':
        escaped += "\\t";
        break;
      case '\r':
        escaped += "\\r";
        break;
      case '\0':
        escaped += "\\0";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string Parameters::add(std::string_view type, std::string value) {
  std::string name = "p" + std::to_string(values_.size());
  std::string placeholder = "{" + name + ":" + std::string(type) + "}";
  values_.push_back({std::move(name), std::move(value)});
  return placeholder;
}

std::string Parameters::bind(std::string_view text) {
  return add("String", escape_parameter(text));
}

std::string Parameters::bind_int(std::int64_t value) {
  return add("Int64", std::to_string(value));
}

std::string Parameters::bind_double(double value) {
  char text[32];
  const auto end = std::to_chars(std::begin(text), std::end(text), value).ptr;
  return add("Float64", std::string(text, end));
}

}  // namespace signalbox::server::query
