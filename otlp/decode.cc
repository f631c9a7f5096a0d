#include "otlp/decode.h"

namespace signalbox::otlp {
namespace {

void add(std::uint64_t count, const char* what, std::string& message) {
  if (count == 0) return;
  if (!message.empty()) message += "; ";
  message += std::to_string(count) + what;
}

}  // namespace

std::string partial_success_message(const DecodeResult& result) {
  std::string message;
  if (result.rejected > 0) message = "rejected: " + result.rejected_reason;
  const Alterations& altered = result.altered;
  add(altered.replaced_texts, " strings were not Unicode: U+FFFD stands for what was wrong",
      message);
  add(altered.dropped_attributes, " attributes beyond the limit of one record were dropped",
      message);
  add(altered.dropped_items,
      " events, links or exemplars beyond the limit of one record were dropped", message);
  add(altered.ignored_ids,
      " trace_id or span_id of log records or exemplars were not 16 or 8 bytes "
      "and are left out",
      message);
  add(altered.unknown_names, " names of enumerators are unknown and count as unspecified", message);
  return message;
}

}  // namespace signalbox::otlp
