#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "server/query/json/json.h"
#include "server/query/language/structure.h"
#include "server/query/plan/selection.h"
#include "server/query/plan/session.h"
#include "server/query/plan/time_range.h"

namespace signalbox::server::query {

/// A span that a structure finds.
struct FoundSpan {
  std::uint64_t span_id = 0;  ///< Its bytes as they are.
  std::int64_t start_ns = 0;
  std::int64_t duration_ns = 0;

  [[nodiscard]] std::string span_id_hex() const;
};

/// What a structure finds, by the bytes of the trace's id. Each span once.
using FoundSpans = std::map<std::string, std::vector<FoundSpan>>;

/// Decides which traces have a structure, within limits of spans and statements.
///
/// Thread-safety: one thread. Lifetime: what it is made of outlives it. Errors: QueryError.
class StructureSearch {
 public:
  /// As many traces may be asked for at once. Also of the spans that could be found so many are
  /// read at once, for ordering them takes memory for each block of the table.
  static constexpr std::size_t kMaxTraces = 2'000;
  /// As many times these are read for one answer.
  static constexpr int kMaxBatches = 8;

  /// `found` selects the spans that match the filter of those that are found.
  StructureSearch(Session& session, const Selection& found, const Structure& structure);

  /// Looks how many spans match the filters; false if there can be no trace.
  bool prepare(const TimeRange& around);

  /// " AND …": leaves out spans in whose trace no span matches another required filter, of those
  /// few enough spans match; or "".
  [[nodiscard]] std::string narrowing(Parameters& parameters) const;

  /// What is found in the traces `ids` (bytes; kMaxTraces at most), looking at spans that begin
  /// within `around`. Nothing if these are too many spans at once: ask for fewer traces.
  std::optional<FoundSpans> find(const std::set<std::string>& ids, const TimeRange& around);

  /// Whether no further statement may be run.
  [[nodiscard]] bool is_exhausted() const noexcept { return statements_ >= kMaxStatements; }

  /// Writes `"structure": {…}` into an open object.
  void write(bool is_complete, JsonWriter& json) const;

 private:
  static constexpr int kMaxStatements = 24;

  [[nodiscard]] std::string filter_condition(std::size_t filter, Parameters& parameters) const;
  [[nodiscard]] std::string matches_sql(Parameters& parameters) const;
  [[nodiscard]] std::string candidates_sql(const std::set<std::string>& ids,
                                           const TimeRange& around, Parameters& parameters) const;

  Session& session_;
  const Selection& found_;
  const Structure& structure_;
  TimeRange around_;
  std::vector<std::size_t> narrowing_filters_;
  int statements_ = 0;
  std::uint64_t looked_at_ = 0;
  std::uint64_t too_large_ = 0;
};

/// Throws QueryError about "structure" if a value does not fit its field.
void check_structure(const Structure& structure);

}  // namespace signalbox::server::query
