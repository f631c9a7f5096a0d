#pragma once

#include <cstdint>
#include <vector>

#include "otlp/records.h"
#include "server/query/export/page.h"

namespace signalbox::server::query {

/// How log records are read, as a LogRecord does.
PageTable log_table();

/// A log record of a page; its views refer to the page and to itself.
struct LogRecord {
  KeyValues key;
  std::uint32_t resource_id = 0;
  std::uint32_t scope_id = 0;
  otlp::LogRecordView view;

  void read(RowReader& row, otlp::internal::Arena& arena);

 private:
  std::vector<otlp::KeyValueView> attributes_;
};

}  // namespace signalbox::server::query
