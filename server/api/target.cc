#include "server/api/target.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "server/query/plan/error.h"

namespace signalbox::server::api {
namespace {

using query::QueryError;

constexpr std::size_t kMaxParameters = 128;
constexpr std::int64_t kDefaultRangeNs = 900'000'000'000;

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

[[noreturn]] void fail(std::string_view name, const std::string& rule) {
  throw QueryError::invalid(std::string(name), "'" + std::string(name) + "' must be " + rule + ".");
}

std::string decode_or_throw(std::string_view text, bool plus_is_space) {
  auto decoded = percent_decode(text, plus_is_space);
  if (!decoded) {
    const bool has_nul = text.find("%00") != std::string_view::npos;
    throw QueryError(query::ErrorCode::kInvalidArgument,
                     has_nul ? "The request's address holds the character NUL (%00), which is not "
                               "allowed: leave it out."
                             : "The request's address is malformed: write % as %25.");
  }
  return *std::move(decoded);
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = hex_value(text[i + 1]);
      const int low = hex_value(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    } else if (c == '+' && plus_is_space) {
      c = ' ';
    }
    if (c == '\0') return std::nullopt;
    decoded += c;
  }
  return decoded;
}

Target Target::parse(std::string_view text) {
  Target target;
  text = text.substr(0, text.find('#'));
  const std::size_t mark = text.find('?');
  target.path_ = decode_or_throw(text.substr(0, mark), false);
  if (mark == std::string_view::npos) return target;
  std::string_view rest = text.substr(mark + 1);
  while (!rest.empty()) {
    const std::size_t end = rest.find('&');
    const std::string_view part = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    if (part.empty()) continue;
    if (target.parameters_.size() == kMaxParameters) {
      throw QueryError(
          query::ErrorCode::kInvalidArgument,
          "The request has too many parameters: at most " + std::to_string(kMaxParameters) + ".");
    }
    const std::size_t equals = part.find('=');
    Parameter parameter;
    parameter.name = decode_or_throw(part.substr(0, equals), true);
    if (equals != std::string_view::npos) {
      parameter.value = decode_or_throw(part.substr(equals + 1), true);
    }
    target.parameters_.push_back(std::move(parameter));
  }
  return target;
}

std::vector<std::string> Target::texts(std::string_view name, std::size_t max_count) {
  asked_.emplace_back(name);
  std::vector<std::string> values;
  for (Parameter& parameter : parameters_) {
    if (parameter.name != name) continue;
    parameter.is_known = true;
    if (values.size() == max_count) {
      fail(name, "given at most " + std::to_string(max_count) + " times");
    }
    values.push_back(parameter.value);
  }
  return values;
}

std::optional<std::string> Target::single(std::string_view name) {
  auto value = this->name(name);
  return value && value->empty() ? std::nullopt : value;
}

std::optional<std::string> Target::name(std::string_view name) {
  std::vector<std::string> values = texts(name, 1);
  if (values.empty()) return std::nullopt;
  return std::move(values[0]);
}

std::string Target::required_name(std::string_view name) {
  auto value = this->name(name);
  if (!value) fail(name, "given");
  return *std::move(value);
}

std::string Target::text(std::string_view name) {
  return single(name).value_or(std::string());
}

std::string Target::required_text(std::string_view name) {
  auto value = single(name);
  if (!value) fail(name, "given");
  return *std::move(value);
}

std::int64_t Target::integer(std::string_view name, std::int64_t least, std::int64_t greatest,
                             std::int64_t fallback) {
  const auto value_text = this->name(name);
  if (!value_text) return fallback;
  const auto value = parse_integer(*value_text);
  if (!value || *value < least || *value > greatest) {
    fail(name, "a whole number from " + std::to_string(least) + " to " + std::to_string(greatest));
  }
  return *value;
}

std::optional<std::int64_t> Target::nanoseconds(std::string_view name) {
  const auto value_text = this->name(name);
  if (!value_text) return std::nullopt;
  const auto value = parse_integer(*value_text);
  if (!value || *value < 0) fail(name, "a whole number of nanoseconds, as digits");
  return value;
}

bool Target::flag(std::string_view name) {
  return choice(name, {"false", "true"}) == 1;
}

std::size_t Target::choice(std::string_view name, std::initializer_list<std::string_view> choices) {
  const auto value = this->name(name);
  if (!value) return 0;
  const auto* const at = std::find(choices.begin(), choices.end(), *value);
  if (at == choices.end()) {
    std::string list;
    for (const std::string_view known : choices) {
      if (!list.empty()) list += ", ";
      list += known;
    }
    fail(name, "one of: " + list);
  }
  return static_cast<std::size_t>(at - choices.begin());
}

std::string Target::hex_id(std::string_view name, std::size_t digits) {
  const auto value = this->name(name);
  return value ? parse_hex_id(name, *value, digits) : std::string();
}

query::TimeRange Target::range(std::int64_t now_ns) {
  const auto start = nanoseconds("start");
  const auto end = nanoseconds("end");
  query::TimeRange range;
  range.end_ns = end.value_or(start ? std::max(now_ns, *start + 1) : now_ns);
  range.start_ns = start.value_or(std::max<std::int64_t>(range.end_ns - kDefaultRangeNs, 0));
  if (range.start_ns >= range.end_ns) fail("start", "before 'end'");
  return range;
}

void Target::refuse_others() const {
  for (const Parameter& parameter : parameters_) {
    if (parameter.is_known) continue;
    std::string known;
    for (const std::string& name : asked_) {
      if (!known.empty()) known += ", ";
      known += name;
    }
    throw QueryError::invalid(parameter.name, "There is no parameter '" + parameter.name +
                                                  "' here. Known: " + known + ".");
  }
}

std::string parse_hex_id(std::string_view name, std::string_view text, std::size_t digits) {
  std::string id(text);
  for (char& c : id) {
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
  }
  const bool is_hex = std::all_of(id.begin(), id.end(), [](char c) { return hex_value(c) >= 0; });
  if (!is_hex || id.size() != digits) {
    fail(name, std::to_string(digits) + " hexadecimal digits");
  }
  return id;
}

}  // namespace signalbox::server::api
