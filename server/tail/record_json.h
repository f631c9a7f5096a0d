#pragma once

#include "otlp/records.h"
#include "server/query/json/json.h"
#include "server/query/match/live_record.h"
#include "server/store/columns/attributes.h"

/// Records as the API shows them, without what only the tables give them: ids of their own, of
/// their resource and of their scope.
namespace signalbox::server::tail {

/// `attributes` as an array of {key, type, value}.
void write_attributes(const store::StoredAttributes& attributes, query::JsonWriter& json);

/// The members of a record, into an open object.
void write_log_record(const query::LiveRecord& record, query::JsonWriter& json);
void write_span(const query::LiveRecord& record, query::JsonWriter& json);

/// What all points of a metric have, and what each of its kind has.
void write_metric(const query::LiveRecord& record, query::JsonWriter& json);
void write_point(const otlp::NumberPointView& point, query::JsonWriter& json);
void write_point(const otlp::HistogramPointView& point, query::JsonWriter& json);
void write_point(const otlp::ExponentialHistogramPointView& point, query::JsonWriter& json);
void write_point(const otlp::SummaryPointView& point, query::JsonWriter& json);

}  // namespace signalbox::server::tail
