#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "otlp/encode.h"
#include "server/query/language/filter.h"
#include "server/query/plan/fields.h"
#include "server/query/plan/session.h"
#include "server/query/plan/time_range.h"

namespace signalbox::server::query {

/// Which records are wanted, and how.
struct ExportRequest {
  Signal signal = Signal::kTraces;
  TimeRange range = {};
  FilterNode filter = {};
  /// 32 lowercase hexadecimal digits: only this trace's spans or log records, or the metric points
  /// of its services and time. Empty: all.
  std::string trace_id = {};
  /// The time is that of the trace, not `range`; of metrics with a trace.
  bool around_trace = false;
  otlp::Encoding encoding = otlp::Encoding::kJson;
  std::string cursor = {};       ///< The `next_cursor` of the page before; empty: the first.
  std::uint32_t limit = 20'000;  ///< Of the records; > 0.
};

struct ExportPage {
  /// OTLP messages: of JSON each ends with a line break, of protobuf each stands behind its length
  /// as four bytes, big endian. May be empty.
  std::string body;
  std::size_t records = 0;  ///< In it: spans, log records or points.
  std::string next_cursor;  ///< Empty: there is nothing more.
};

/// One page of an export. Its order is that of the tables' keys; all pages together have each
/// record once. Errors: QueryError.
ExportPage export_page(Session& session, const ExportRequest& request);

}  // namespace signalbox::server::query
