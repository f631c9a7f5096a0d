#include "sdk/config/environment.h"

#include <signalbox/common/diagnostics.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>

namespace signalbox::sdk {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kUnlimited = std::chrono::hours(24 * 365);

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::string to_lower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    unsigned byte = 0;
    const auto digits = text.substr(i + 1, 2);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
    if (digits.size() != 2 || error != std::errc() || end != digits.data() + digits.size()) {
      return std::nullopt;
    }
    decoded += static_cast<char>(byte);
    i += 2;
  }
  return decoded;
}

// Calls `each` with what lies between commas, until it returns false.
template <typename Each>
bool split(std::string_view list, Each each) {
  while (true) {
    const auto comma = list.find(',');
    const std::string_view item = trim(list.substr(0, comma));
    if (!item.empty() && !each(item)) {
      return false;
    }
    if (comma == std::string_view::npos) {
      return true;
    }
    list.remove_prefix(comma + 1);
  }
}

}  // namespace

Environment::Environment(Lookup lookup) : lookup_(std::move(lookup)) {
  if (!lookup_) {
    lookup_ = [](const std::string& name) -> std::optional<std::string> {
      const char* value = std::getenv(name.c_str());
      return value == nullptr ? std::nullopt : std::optional<std::string>(value);
    };
  }
}

void Environment::report_invalid(const std::string& name, std::string_view value,
                                 std::string_view expected) const {
  report_diagnostic(
      DiagnosticLevel::kWarning, "config.invalid_variable",
      name + "=\"" + std::string(value) + "\" is ignored: " + std::string(expected) + ".");
}

std::optional<std::string> Environment::text(const std::string& name) const {
  const auto value = lookup_(name);
  if (!value) {
    return std::nullopt;
  }
  const std::string_view trimmed = trim(*value);
  return trimmed.empty() ? std::nullopt : std::optional<std::string>(trimmed);
}

bool Environment::flag(const std::string& name) const {
  const auto value = text(name);
  if (!value) {
    return false;
  }
  const std::string lower = to_lower(*value);
  if (lower != "true" && lower != "false") {
    report_invalid(name, *value, "it must be true or false");
  }
  return lower == "true";
}

std::optional<std::uint64_t> Environment::count(const std::string& name, std::uint64_t min,
                                                std::uint64_t max) const {
  const auto value = text(name);
  if (!value) {
    return std::nullopt;
  }
  std::uint64_t number = 0;
  const char* const last = value->data() + value->size();
  const auto [end, error] = std::from_chars(value->data(), last, number);
  if (error != std::errc() || end != last || number < min || number > max) {
    report_invalid(name, *value,
                   max == std::numeric_limits<std::uint64_t>::max()
                       ? "it must be a whole number of at least " + std::to_string(min)
                       : "it must be a whole number from " + std::to_string(min) + " to " +
                             std::to_string(max));
    return std::nullopt;
  }
  return number;
}

std::optional<milliseconds> Environment::interval(const std::string& name) const {
  const auto number = count(name, 1, static_cast<std::uint64_t>(kUnlimited.count()));
  return number ? std::optional<milliseconds>(*number) : std::nullopt;
}

std::optional<milliseconds> Environment::timeout(const std::string& name) const {
  const auto number = count(name, 0, static_cast<std::uint64_t>(kUnlimited.count()));
  if (!number) {
    return std::nullopt;
  }
  return *number == 0 ? kUnlimited : milliseconds(*number);
}

std::optional<double> Environment::ratio(const std::string& name) const {
  const auto value = text(name);
  if (!value) {
    return std::nullopt;
  }
  double number = 0;
  const char* const last = value->data() + value->size();
  const auto [end, error] = std::from_chars(value->data(), last, number);
  if (error != std::errc() || end != last || !(number >= 0 && number <= 1)) {
    report_invalid(name, *value, "it must be a number from 0 to 1");
    return std::nullopt;
  }
  return number;
}

std::vector<std::string> Environment::words(const std::string& name) const {
  std::vector<std::string> words;
  if (const auto value = text(name)) {
    split(*value, [&](std::string_view word) {
      words.push_back(to_lower(word));
      return true;
    });
  }
  return words;
}

std::optional<NameValues> Environment::name_values(const std::string& name) const {
  const auto value = text(name);
  if (!value) {
    return std::nullopt;
  }
  NameValues pairs;
  const bool is_valid = split(*value, [&](std::string_view item) {
    const auto equals = item.find('=');
    if (equals == std::string_view::npos) {
      return false;
    }
    auto key = percent_decode(trim(item.substr(0, equals)));
    auto decoded = percent_decode(trim(item.substr(equals + 1)));
    if (!key || key->empty() || !decoded) {
      return false;
    }
    pairs.emplace_back(*std::move(key), *std::move(decoded));
    return true;
  });
  if (!is_valid) {
    // The value may hold a secret: it is not repeated.
    report_invalid(name, "…", "it must be a list name=value,name=value, percent-encoded");
    return std::nullopt;
  }
  return pairs;
}

}  // namespace signalbox::sdk
