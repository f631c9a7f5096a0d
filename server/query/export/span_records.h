#pragma once

#include <cstdint>
#include <vector>

#include "otlp/records.h"
#include "server/query/export/page.h"

namespace signalbox::server::query {

/// How spans are read, as a SpanRecord does.
PageTable span_table();

/// A span of a page; its views refer to the page and to itself.
struct SpanRecord {
  KeyValues key;
  std::uint32_t resource_id = 0;
  std::uint32_t scope_id = 0;
  otlp::SpanView view;

  void read(RowReader& row, otlp::internal::Arena& arena);

 private:
  void read_events(RowReader& row, otlp::internal::Arena& arena);
  void read_links(RowReader& row, otlp::internal::Arena& arena);

  std::vector<otlp::KeyValueView> attributes_;
  std::vector<std::vector<otlp::KeyValueView>> nested_attributes_;
  std::vector<otlp::EventView> events_;
  std::vector<otlp::LinkView> links_;
};

}  // namespace signalbox::server::query
