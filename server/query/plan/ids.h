#pragma once

#include <string>
#include <string_view>

namespace signalbox::server::query {

/// Bytes as lowercase hexadecimal digits.
std::string to_hex(std::string_view bytes);

/// `unhex('…')`: ids are hexadecimal digits in SQL text, whatever their bytes.
std::string id_literal(std::string_view bytes);

/// The literal of a trace id written by a client. Throws QueryError about `parameter` unless it is
/// 32 hexadecimal digits.
std::string trace_id_literal(std::string_view hex, const std::string& parameter);
/// The same of a span id: 16 digits.
std::string span_id_literal(std::string_view hex, const std::string& parameter);

/// `'\x0a\xff…'`: as `id_literal`, but a constant and not a call; of thousands of calls the engine
/// takes longer to make sense than of the rows.
std::string escaped_id_literal(std::string_view bytes);

/// `('\x0a\xff…', '\x0a\xff…')`
template <typename Ids>
std::string id_list(const Ids& ids) {
  std::string list = "(";
  for (const auto& id : ids) {
    if (list.size() > 1) list += ", ";
    list += escaped_id_literal(id);
  }
  return list + ")";
}

/// `(1, 2, 3)`: of numbers of our own, not of a client.
template <typename Numbers>
std::string number_list(const Numbers& numbers) {
  std::string list = "(";
  for (const auto number : numbers) {
    if (list.size() > 1) list += ", ";
    list += std::to_string(number);
  }
  return list + ")";
}

}  // namespace signalbox::server::query
