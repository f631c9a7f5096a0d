#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <variant>

#include "otlp/records.h"
#include "server/query/plan/fields.h"
#include "server/store/columns/attributes.h"

namespace signalbox::server::query {

/// A record as it was decoded, and what stands around it: what a filter is evaluated over.
/// Valid as long as what it refers to.
struct LiveRecord {
  /// Of metrics the metric, for a filter asks about series, not about their points.
  std::variant<const otlp::SpanView*, const otlp::LogRecordView*, const otlp::MetricView*> record;
  /// Of the record; of a point, its own.
  const store::StoredAttributes& attributes;
  const store::StoredAttributes& resource;
  const store::StoredAttributes& scope;
  std::string_view scope_name;
  std::string_view scope_version;
  std::string_view body;  ///< Of a log record, as text.

  [[nodiscard]] const otlp::SpanView& span() const {
    return *std::get<const otlp::SpanView*>(record);
  }
  [[nodiscard]] const otlp::LogRecordView& log() const {
    return *std::get<const otlp::LogRecordView*>(record);
  }
  [[nodiscard]] const otlp::MetricView& metric() const {
    return *std::get<const otlp::MetricView*>(record);
  }
  /// What a text that stands alone in a filter is looked for in.
  [[nodiscard]] std::string_view searched_text() const;
};

/// Texts and raw ids; whole numbers; truth values.
using FieldValue = std::variant<std::string_view, std::int64_t, bool>;

/// How a record gives what stands in a column of its table.
struct FieldReader {
  std::string_view column;  ///< As IntrinsicField has it.
  FieldValue (*read)(const LiveRecord&);
};

/// How a span gives what stands in an array of its row.
struct ListReader {
  std::string_view column;
  std::size_t (*size)(const otlp::SpanView&);
  std::string_view (*read)(const otlp::SpanView&, std::size_t);
};

/// Null if the record alone does not tell it.
const FieldReader* field_reader(Signal signal, const IntrinsicField& field);
/// Null if `field` is no list.
const ListReader* list_reader(const IntrinsicField& field);

}  // namespace signalbox::server::query
