#include "server/query/json/json_reader.h"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <cmath>

#include "server/query/plan/error.h"

namespace signalbox::server::query {
namespace {

namespace json = boost::json;

constexpr std::int64_t kDefaultRangeNs = 900'000'000'000;
/// 2200: what reaches further, with a step and a look behind it, is no number of nanoseconds.
constexpr std::int64_t kLatestNs = 7'258'118'400'000'000'000;

}  // namespace

json::value parse_body(std::string_view text) {
  json::error_code error;
  json::value value = json::parse(text, error);
  if (error) throw QueryError::invalid("", "The body is no JSON: " + error.message() + ".");
  return value;
}

void refuse(const std::string& path, const std::string& message) {
  throw QueryError::invalid(path, "'" + path + "' " + message);
}

std::string JsonReader::path_of(std::string_view member) const {
  return path_.empty() ? std::string(member) : path_ + "." + std::string(member);
}

void JsonReader::expect_members(std::initializer_list<std::string_view> allowed) const {
  std::string list;
  for (const std::string_view name : allowed) list.append(list.empty() ? "" : ", ") += name;
  if (!value_.is_object() && path_.empty()) {
    throw QueryError::invalid("", "Send a JSON object with: " + list + ".");
  }
  for (const auto& [key, member] : members()) {
    if (std::find(allowed.begin(), allowed.end(), std::string_view(key)) == allowed.end()) {
      refuse(path_of(key), "is not known here: use " + list + ".");
    }
  }
}

const json::object& JsonReader::members() const {
  const json::object* const object = value_.if_object();
  if (object == nullptr) refuse(path_, "must be an object.");
  return *object;
}

std::optional<JsonReader> JsonReader::member(std::string_view key) const {
  const json::value* const value = members().if_contains(key);
  if (value == nullptr) return std::nullopt;
  return JsonReader(*value, path_of(key));
}

std::vector<JsonReader> JsonReader::array(std::size_t most) const {
  const json::array* const array = value_.if_array();
  if (array == nullptr) refuse(path_, "must be a list.");
  if (array->size() > most) refuse(path_, "may have " + std::to_string(most) + " at most.");
  std::vector<JsonReader> elements;
  elements.reserve(array->size());
  for (std::size_t i = 0; i < array->size(); ++i) {
    elements.emplace_back(array->at(i), path_ + "[" + std::to_string(i) + "]");
  }
  return elements;
}

std::string JsonReader::text() const {
  if (!value_.is_string()) refuse(path_, "must be a text.");
  return std::string(value_.get_string());
}

bool JsonReader::flag() const {
  if (!value_.is_bool()) refuse(path_, "must be true or false.");
  return value_.get_bool();
}

double JsonReader::number() const {
  if (value_.is_double() && std::isfinite(value_.get_double())) return value_.get_double();
  if (value_.is_int64()) return static_cast<double>(value_.get_int64());
  if (value_.is_uint64()) return static_cast<double>(value_.get_uint64());
  refuse(path_, "must be a number.");
}

std::int64_t JsonReader::integer(std::int64_t least, std::int64_t most) const {
  if (value_.is_int64() && value_.get_int64() >= least && value_.get_int64() <= most) {
    return value_.get_int64();
  }
  refuse(path_, "must be a whole number from " + std::to_string(least) + " to " +
                    std::to_string(most) + ".");
}

std::int64_t JsonReader::nanoseconds() const {
  const std::string digits = text();
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size() || value < 0) {
    refuse(path_, "must be nanoseconds, as a text of digits.");
  }
  return value;
}

FilterNode JsonReader::filter() const {
  try {
    return parse_filter(text());
  } catch (QueryError& error) {
    error.parameter = path_;
    throw;
  }
}

TimeRange JsonReader::range(std::int64_t now_ns) const {
  TimeRange range = {now_ns - kDefaultRangeNs, now_ns};
  if (const auto end = member("end")) range.end_ns = end->nanoseconds();
  if (range.end_ns > kLatestNs) refuse(path_of("end"), "must be before the year 2200.");
  const auto start = member("start");
  range.start_ns =
      start ? start->nanoseconds() : std::max<std::int64_t>(range.end_ns - kDefaultRangeNs, 0);
  if (range.start_ns >= range.end_ns) refuse(path_of("start"), "must be before 'end'.");
  return range;
}

}  // namespace signalbox::server::query
