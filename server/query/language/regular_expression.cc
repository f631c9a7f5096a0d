#include "server/query/language/regular_expression.h"

#include <re2/re2.h>

namespace signalbox::server::query {

std::string pattern_fault(std::string_view pattern) {
  if (pattern.size() > kMaxPatternBytes) {
    return "it has more than " + std::to_string(kMaxPatternBytes) + " bytes";
  }
  // As the engine has it.
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_dot_nl(true);
  return re2::RE2(re2::StringPiece(pattern.data(), pattern.size()), options).error();
}

}  // namespace signalbox::server::query
