#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/query/json/json.h"
#include "server/query/language/filter.h"
#include "server/query/plan/fields.h"
#include "server/query/plan/session.h"
#include "server/query/plan/time_range.h"

namespace signalbox::server::query {

/// An attribute in a filter that no record is known to have.
struct UnknownField {
  std::string field;                     ///< As it was written.
  std::size_t position = 0;              ///< Bytes from the start of the filter.
  std::vector<std::string> suggestions;  ///< Fields of a like name, the nearest first; at most 3.
};

/// Which attributes the records of a signal have. Attributes of spans and log records count as
/// known if any was received during `range`, those of `metric` (of any, if it is "") and of
/// resources and scopes if there are any at all. Of attributes of events and links and of what is
/// inside of bodies nothing is known, so none is unknown.
///
/// Asks the engine when it is first needed. Thread-safety: one thread. Lifetime: `session` outlives
/// it.
class KnownFields {
 public:
  KnownFields(Session& session, Signal signal, const TimeRange& range, std::string metric = {})
      : session_(session), signal_(signal), range_(range), metric_(std::move(metric)) {}

  /// A field that a filter may have.
  struct Field {
    std::string name;  ///< As a filter has it, but without backticks.
    std::string_view description;
  };

  /// All that there are; an attribute of several places comes for each of them.
  std::vector<Field> list();
  /// The unknown ones of `filter`, each once, in its order.
  std::vector<UnknownField> unknown_in(const FilterNode& filter);
  /// Nothing if `field` is known.
  std::optional<UnknownField> if_unknown(const std::string& field, std::size_t position = 0);

 private:
  using Set = std::set<std::string, std::less<>>;
  /// What there is in each of the places where an attribute is looked for.
  struct Keys {
    Set record;
    Set resource;
    Set scope;
    bool is_complete = true;  ///< Of `record`: no block had more keys than are listed of one.
  };

  const Keys& keys();
  /// Of records that are so new that the side table may not have them.
  const Set& recent();
  [[nodiscard]] bool is_of_record(const std::string& key);
  [[nodiscard]] bool has(const FieldReference& field);

  Session& session_;
  Signal signal_;
  TimeRange range_;
  std::string metric_;
  std::optional<Keys> keys_;
  std::optional<Set> recent_;
};

/// What to tell about it, in one or two sentences.
std::string warning(const UnknownField& unknown);

/// Writes its members into an open object.
void write_warning(const UnknownField& unknown, JsonWriter& json);

/// Writes `"warnings": […]` about them into an open object.
void write_warnings(const std::vector<UnknownField>& unknown, JsonWriter& json);

/// Changes of one character each (one left out, put in, replaced, or two neighbours exchanged) that
/// make `b` of `a`; both are bytes.
std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace signalbox::server::query
