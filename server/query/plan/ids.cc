#include "server/query/plan/ids.h"

#include <cstdint>

#include "server/query/plan/error.h"

namespace signalbox::server::query {
namespace {

std::string checked_literal(std::string_view hex, std::size_t digits,
                            const std::string& parameter) {
  const bool is_hex = hex.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
  if (hex.size() != digits || !is_hex) {
    throw QueryError::invalid(parameter, "'" + parameter + "' must be " + std::to_string(digits) +
                                             " hexadecimal digits.");
  }
  return "unhex('" + std::string(hex) + "')";
}

}  // namespace

std::string to_hex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (const char c : bytes) {
    hex += kDigits[static_cast<std::uint8_t>(c) >> 4];
    hex += kDigits[static_cast<std::uint8_t>(c) & 0xF];
  }
  return hex;
}

std::string id_literal(std::string_view bytes) {
  return "unhex('" + to_hex(bytes) + "')";
}

std::string escaped_id_literal(std::string_view bytes) {
  const std::string hex = to_hex(bytes);
  std::string literal = "'";
  for (std::size_t i = 0; i < hex.size(); i += 2) literal.append("\\x").append(hex, i, 2);
  return literal + "'";
}

std::string trace_id_literal(std::string_view hex, const std::string& parameter) {
  return checked_literal(hex, 32, parameter);
}

std::string span_id_literal(std::string_view hex, const std::string& parameter) {
  return checked_literal(hex, 16, parameter);
}

}  // namespace signalbox::server::query
