#include "server/retention/policy.h"

namespace signalbox::server::retention {

std::string_view name_of(Signal signal) {
  switch (signal) {
    case Signal::kTraces:
      return "traces";
    case Signal::kLogs:
      return "logs";
    case Signal::kMetrics:
      break;
  }
  return "metrics";
}

std::optional<Signal> signal_of_table(std::string_view table) {
  if (table.starts_with("span") || table.starts_with("trace")) return Signal::kTraces;
  if (table.starts_with("log")) return Signal::kLogs;
  if (table.starts_with("metric")) return Signal::kMetrics;
  return std::nullopt;
}

}  // namespace signalbox::server::retention
