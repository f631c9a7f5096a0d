#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "otlp/records.h"
#include "server/store/columns/side_tables.h"

namespace signalbox::server::store {

/// A message without what differs from time to time: words with digits in them, and what joins
/// them, become `#`, quoted text `"…"`; at most 200 bytes, of whole characters.
[[nodiscard]] std::string message_shape(std::string_view message);

/// The errors among the records of a block, gathered while these are decoded, one row each.
///
/// Thread-safety: one thread at a time.
class Errors {
 public:
  void add(std::string_view service, const otlp::SpanView& span);
  void add(std::string_view service, const otlp::LogRecordView& record, std::int64_t time);

  /// As of columns.
  void mark() { store::mark(rows_); }
  void roll_back() { store::roll_back(rows_); }
  void clear() { store::clear(rows_); }
  [[nodiscard]] std::size_t memory_bytes() { return store::memory_bytes(rows_); }

  /// By service, type and shape; they were received in `hour`, seconds since 1970.
  void write_groups(std::int64_t hour, ErrorGroupColumns& to) const;

 private:
  struct Rows {
    LowCardinalityColumn service_name, type, shape;
    StringColumn message;
    DateTimeColumn time;
    TraceIdColumn trace_id;
    SpanIdColumn span_id;

    template <typename F>
    void visit(F f) {
      f("service_name", service_name);
      f("type", type);
      f("shape", shape);
      f("message", message);
      f("time", time);
      f("trace_id", trace_id);
      f("span_id", span_id);
    }
  };

  void add(std::string_view service, std::string_view type, std::string_view message,
           std::int64_t time, std::string_view trace_id, std::string_view span_id);

  Rows rows_;
};

}  // namespace signalbox::server::store
