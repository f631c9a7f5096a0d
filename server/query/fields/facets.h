#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "server/query/json/json.h"
#include "server/query/plan/selection.h"
#include "server/query/plan/session.h"

namespace signalbox::server::query {

/// A field whose values are counted beside the results of a search.
struct FacetField {
  std::string_view field;  ///< As written in a filter.
  std::string_view label;  ///< For people.
};

/// Writes `"facets": […]` into an open object: for each field its most frequent values. Each is
/// counted without the filter's own choice of its values (= != IN, if all of the filter has to
/// hold), so that further ones can be chosen; the chosen ones are there however rare. One pass over
/// the selection, and one for each field with a choice.
void write_facets(Session& session, const Selection& selection, std::span<const FacetField> fields,
                  JsonWriter& json);

struct FieldValuesRequest {
  Signal signal = Signal::kTraces;
  std::string field;
  TimeRange range;
  FilterNode filter;
  std::string contains;  ///< Only values that contain it, in any case; "" for all.
  std::string metric;    ///< Only this metric's series; "" for all.
  std::uint32_t limit = 100;
};

/// The answer to GET /api/v1/field_values, as JSON. Errors: QueryError.
std::string list_field_values(Session& session, const FieldValuesRequest& request);

struct FieldsRequest {
  Signal signal = Signal::kTraces;
  TimeRange range = {};
  std::string contains = {};  ///< Only fields whose name contains it, in any case; "" for all.
  std::string metric = {};    ///< Only this metric's series; "" for all.
};

/// The answer to GET /api/v1/fields, as JSON. Errors: QueryError.
std::string list_fields(Session& session, const FieldsRequest& request);

}  // namespace signalbox::server::query
