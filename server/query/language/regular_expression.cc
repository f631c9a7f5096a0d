#include "server/query/language/regular_expression.h"

#include <re2/re2.h>

namespace signalbox::server::query {

std::string pattern_fault(std::string_view pattern) {
  if (pattern.size() > kMaxPatternBytes) {
    return "it has more than " + std::to_string(kMaxPatternBytes) + " bytes";
  }
  return compile_pattern(pattern)->error();
}

std::unique_ptr<const re2::RE2> compile_pattern(std::string_view pattern) {
  // As the engine has it.
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_dot_nl(true);
  return std::make_unique<re2::RE2>(re2::StringPiece(pattern.data(), pattern.size()), options);
}

}  // namespace signalbox::server::query
