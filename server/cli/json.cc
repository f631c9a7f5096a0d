#include "server/cli/json.h"

#include <boost/json.hpp>
#include <charconv>
#include <cstdlib>

namespace signalbox::server::cli {

const boost::json::value& member(const boost::json::value& object, std::string_view name) {
  static const boost::json::value null;
  const boost::json::object* const members = object.if_object();
  const boost::json::value* const found =
      members == nullptr ? nullptr : members->if_contains({name.data(), name.size()});
  return found == nullptr ? null : *found;
}

std::string text(const boost::json::value& object, std::string_view name) {
  const boost::json::string* const found = member(object, name).if_string();
  return found == nullptr ? std::string() : std::string(found->begin(), found->end());
}

double number(const boost::json::value& value, double fallback) {
  if (value.is_double()) return value.get_double();
  if (value.is_int64()) return static_cast<double>(value.get_int64());
  if (value.is_uint64()) return static_cast<double>(value.get_uint64());
  if (value.is_string() && !value.get_string().empty()) {
    return std::strtod(value.get_string().c_str(), nullptr);
  }
  return fallback;
}

double number(const boost::json::value& object, std::string_view name, double fallback) {
  return number(member(object, name), fallback);
}

std::int64_t integer(const boost::json::value& value) {
  if (value.is_int64()) return value.get_int64();
  if (const boost::json::string* const digits = value.if_string()) {
    std::int64_t parsed = 0;
    std::from_chars(digits->data(), digits->data() + digits->size(), parsed);
    return parsed;
  }
  return static_cast<std::int64_t>(number(value));
}

std::int64_t integer(const boost::json::value& object, std::string_view name) {
  return integer(member(object, name));
}

bool boolean(const boost::json::value& object, std::string_view name) {
  const bool* const found = member(object, name).if_bool();
  return found != nullptr && *found;
}

const boost::json::array& items(const boost::json::value& object, std::string_view name) {
  static const boost::json::array none;
  const boost::json::array* const found = member(object, name).if_array();
  return found == nullptr ? none : *found;
}

}  // namespace signalbox::server::cli
