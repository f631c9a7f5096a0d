#include "server/store/engine/insert_statement.h"

#include <algorithm>

namespace signalbox::server::store {
namespace {

constexpr std::size_t kLongestName = 100;

bool is_letter_or_digit(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

void check_name(std::string_view what, std::string_view name, std::string_view also_allowed) {
  const auto allowed = [&](char c) {
    return is_letter_or_digit(c) || also_allowed.find(c) != std::string_view::npos;
  };
  if (name.size() > kLongestName || !std::all_of(name.begin(), name.end(), allowed)) {
    throw EngineError(error_code::kBadArguments,
                      "\"" + std::string(name) + "\" is not " + std::string(what));
  }
}

}  // namespace

std::string insert_statement(std::string_view table, const InsertOptions& options) {
  check_name("the name of a table", table, "_");
  check_name("a deduplication token", options.deduplication_token, "-_.:");
  std::string statement = "INSERT INTO ";
  statement += table;
  if (options.deduplication_token.empty()) {
    // Or a block that happens to be equal to an earlier one would be lost.
    statement += " SETTINGS deduplicate_insert = 'disable'";
  } else {
    statement += " SETTINGS deduplicate_insert = 'enable', insert_deduplication_token = '";
    statement += options.deduplication_token;
    statement += "'";
  }
  return statement;
}

}  // namespace signalbox::server::store
