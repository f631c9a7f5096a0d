#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "server/query/language/filter.h"
#include "server/query/match/filter_match.h"
#include "server/query/plan/error.h"

using namespace signalbox;
using namespace signalbox::server::query;

namespace {

bool matches(const std::string& filter, std::string_view text) {
  otlp::LogRecordView log;
  log.body.type = otlp::ValueType::kString;
  log.body.text = text;
  const std::array<otlp::KeyValueView, 1> attributes = {{{.key = "k", .value = log.body}}};
  server::store::StoredAttributes stored;
  stored.assign(attributes);
  const server::store::StoredAttributes none;
  const LiveRecord record{.record = &log,
                          .attributes = stored,
                          .resource = none,
                          .scope = none,
                          .scope_name = text,
                          .scope_version = {},
                          .body = text};
  return FilterMatcher(parse_filter(filter), Signal::kLogs).matches(record);
}

}  // namespace

/// The first line is a filter, what follows is a log record's body and attribute: either the filter
/// matches it or its opposite does.
// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(all.find('\n'), size);
  const std::string filter(all.substr(0, end));
  const std::string_view text = all.substr(std::min(end + 1, size));
  try {
    if (parse_filter(filter).kind == FilterNode::Kind::kAll) return 0;
    if (matches(filter, text) == matches("NOT (" + filter + ")", text)) std::abort();
  } catch (const QueryError&) {  // NOLINT(bugprone-empty-catch): No filter.
  }
  return 0;
}
