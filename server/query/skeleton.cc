#include "server/query/skeleton.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "server/query/error.h"
#include "server/query/ids.h"
#include "server/query/json.h"
#include "server/query/rows.h"
#include "server/query/trace.h"
#include "server/query/trace_path.h"
#include "server/query/trace_tree.h"

namespace signalbox::server::query {
namespace {

constexpr std::int32_t kErrorStatus = 2;

/// As openapi.yaml describes the column `flags`.
enum Flag : std::uint8_t {
  kHasEvents = 1,
  kHasLinks = 2,
  kSharesId = 4,
  kParentMissing = 8,
};

/// The texts of a column, each once.
class TextTable {
 public:
  std::uint32_t index_of(std::string_view text) {
    const auto [at, is_new] = indexes_.try_emplace(text, static_cast<std::uint32_t>(texts_.size()));
    if (is_new) texts_.push_back(text);
    return at->second;
  }
  [[nodiscard]] const std::vector<std::string_view>& texts() const { return texts_; }

 private:
  std::unordered_map<std::string_view, std::uint32_t> indexes_;
  std::vector<std::string_view> texts_;
};

struct Row {
  SpanLink link;
  std::int64_t start_ns = 0;
  std::int64_t duration_ns = 0;
  std::string_view service_name;
  std::string_view name;
  std::int32_t kind = 0;
  std::int32_t status_code = 0;
  std::uint8_t flags = 0;

  [[nodiscard]] std::int64_t end_ns() const {
    const std::int64_t left = std::numeric_limits<std::int64_t>::max() - start_ns;
    return start_ns + std::clamp(duration_ns, std::int64_t{0}, left);
  }
  /// The bytes of ids compare as in the engine.
  [[nodiscard]] auto order() const {
    return std::tuple(start_ns, __builtin_bswap64(link.span_id), duration_ns, name);
  }
};

/// The order of `get_trace`. One more than are shown tells that there are more.
const std::string kOrderAndLimit =
    "\nORDER BY start_ns, span_id, duration_ns, name LIMIT " + std::to_string(kMaxTraceSpans + 1);

Row read_row(RowReader& reader) {
  Row row;
  row.link.span_id = reader.u64();
  row.link.parent_span_id = reader.u64();
  row.start_ns = reader.i64();
  row.duration_ns = reader.i64();
  row.service_name = reader.string();
  row.name = reader.string();
  row.kind = reader.i32();
  row.status_code = reader.i32();
  if (reader.boolean()) row.flags |= kHasEvents;
  if (reader.boolean()) row.flags |= kHasLinks;
  return row;
}

/// The spans of one trace by start time; reads only what is small of them.
class SkeletonReader {
 public:
  SkeletonReader(Session& session, std::string_view trace_id)
      : session_(session),
        of_trace_("FROM span_rows WHERE trace_id = " + trace_id_literal(trace_id, "trace_id")) {}

  std::vector<Row> run() {
    if (read_first()) read_repeated();
    is_truncated_ = rows_.size() > kMaxTraceSpans;
    rows_.resize(std::min<std::size_t>(rows_.size(), kMaxTraceSpans));
    return std::move(rows_);
  }
  [[nodiscard]] bool is_truncated() const { return is_truncated_; }

 private:
  /// Rows that are equal in the small columns as one; returns whether an id occurs twice.
  bool read_first() {
    first_data_ = session_.rows(
        "SELECT span_id, parent_span_id, toUnixTimestamp64Nano(start_time) AS start_ns, "
        "duration_ns, service_name, name, kind, status_code, JSONHas(rest, 'e') AS has_events, "
        "JSONHas(rest, 'l') AS has_links, count()\n" +
        of_trace_ + "\nGROUP BY ALL" + kOrderAndLimit);
    bool is_repeated = false;
    std::unordered_set<std::uint64_t> ids;
    for (RowReader reader(first_data_); !reader.at_end();) {
      rows_.push_back(read_row(reader));
      const bool is_new = ids.insert(rows_.back().link.span_id).second;
      is_repeated |= reader.u64() > 1 || !is_new;
    }
    return is_repeated;
  }

  /// Takes in place of the rows of such ids the spans that differ in anything.
  void read_repeated() {
    repeated_data_ = session_.rows(
        "SELECT span_id, parent_span_id, start_ns, duration_ns, service_name, name, kind, "
        "status_code, notEmpty(`events.name`), notEmpty(`links.flags`), "
        "count() OVER (PARTITION BY span_id)\n"
        "FROM (SELECT DISTINCT toUnixTimestamp64Nano(start_time) AS start_ns, " +
        span_columns() + "\n" + of_trace_ + " AND span_id IN (SELECT span_id " + of_trace_ +
        " GROUP BY span_id HAVING count() > 1))" + kOrderAndLimit);
    std::vector<Row> spans;
    std::unordered_set<std::uint64_t> ids;
    for (RowReader reader(repeated_data_); !reader.at_end();) {
      Row& row = spans.emplace_back(read_row(reader));
      if (reader.u64() > 1) row.flags |= kSharesId;
      ids.insert(row.link.span_id);
    }
    std::erase_if(rows_, [&](const Row& row) { return ids.contains(row.link.span_id); });
    rows_.insert(rows_.end(), spans.begin(), spans.end());
    std::ranges::sort(rows_, {}, &Row::order);
  }

  Session& session_;
  const std::string of_trace_;
  std::vector<Row> rows_;
  bool is_truncated_ = false;
  std::string first_data_;  ///< The rows' texts lie in these.
  std::string repeated_data_;
};

struct ServiceTotals {
  std::uint64_t spans = 0;
  std::uint64_t errors = 0;
  /// Of many spans whose sent times are senseless they may be beyond a signed number.
  std::uint64_t self_ns = 0;
  std::uint64_t critical_ns = 0;
};

class SkeletonWriter {
 public:
  explicit SkeletonWriter(std::vector<Row>& rows) : rows_(rows) {
    arrange();
    for (const Row& row : rows_) end_ns_ = std::max(end_ns_, row.end_ns());
  }

  void write(JsonWriter& json) const {
    json.key("start_time").digits(start_ns());
    json.key("duration_ns").digits(end_ns_ - start_ns());
    write_services(json);
    json.key("names").begin_array();
    for (const std::string_view name : names_.texts()) json.string(name);
    json.end_array();
    json.key("columns").begin_object();
    write_columns(json);
    json.end_object();
  }

 private:
  [[nodiscard]] std::int64_t start_ns() const { return rows_.front().start_ns; }

  void arrange() {
    std::vector<SpanLink> links;
    for (const Row& row : rows_) links.push_back(row.link);
    parents_ = parent_indexes(links);
    std::vector<TimedSpan> timed;
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      Row& row = rows_[i];
      if (row.link.parent_span_id != 0 && parents_[i] == kNoParent) row.flags |= kParentMissing;
      timed.push_back({row.start_ns, row.end_ns(), parents_[i]});
      row_names_.push_back(names_.index_of(row.name));
      row_services_.push_back(services_.index_of(row.service_name));
    }
    times_ = times_of_spans(timed);
  }

  void write_services(JsonWriter& json) const {
    std::vector<ServiceTotals> totals(services_.texts().size());
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      ServiceTotals& total = totals[row_services_[i]];
      ++total.spans;
      if (rows_[i].status_code == kErrorStatus) ++total.errors;
      total.self_ns += static_cast<std::uint64_t>(times_[i].self_ns);
      total.critical_ns += static_cast<std::uint64_t>(times_[i].critical_ns);
    }
    json.key("services").begin_array();
    for (std::size_t i = 0; i < totals.size(); ++i) {
      json.begin_object();
      json.key("name").string(services_.texts()[i]);
      json.key("span_count").number(totals[i].spans);
      json.key("error_count").number(totals[i].errors);
      json.key("self_ns").digits(totals[i].self_ns);
      json.key("critical_ns").digits(totals[i].critical_ns);
      json.end_object();
    }
    json.end_array();
  }

  template <typename Value>
  void write_column(std::string_view name, JsonWriter& json, Value value) const {
    json.key(name).begin_array();
    for (std::size_t i = 0; i < rows_.size(); ++i) json.number(value(i));
    json.end_array();
  }

  void write_columns(JsonWriter& json) const {
    json.key("span_id").begin_array();
    for (const Row& row : rows_) {
      json.hex({reinterpret_cast<const char*>(&row.link.span_id), sizeof(row.link.span_id)});
    }
    json.end_array();
    write_column("parent", json, [this](std::size_t i) { return parents_[i]; });
    write_column("start_ns", json,
                 [this](std::size_t i) { return rows_[i].start_ns - start_ns(); });
    write_column("duration_ns", json, [this](std::size_t i) { return rows_[i].duration_ns; });
    write_column("service", json, [this](std::size_t i) { return row_services_[i]; });
    write_column("name", json, [this](std::size_t i) { return row_names_[i]; });
    write_column("kind", json, [this](std::size_t i) { return rows_[i].kind; });
    write_column("status", json, [this](std::size_t i) { return rows_[i].status_code; });
    write_column("flags", json, [this](std::size_t i) { return int{rows_[i].flags}; });
    write_column("self_ns", json, [this](std::size_t i) { return times_[i].self_ns; });
    write_column("critical_ns", json, [this](std::size_t i) { return times_[i].critical_ns; });
  }

  std::vector<Row>& rows_;
  std::int64_t end_ns_ = 0;
  std::vector<std::int32_t> parents_;
  std::vector<SpanTimes> times_;
  TextTable names_;
  TextTable services_;
  std::vector<std::uint32_t> row_names_;
  std::vector<std::uint32_t> row_services_;
};

}  // namespace

std::string get_skeleton(Session& session, std::string_view trace_id) {
  SkeletonReader reader(session, trace_id);
  std::vector<Row> rows = reader.run();
  if (rows.empty()) throw no_such_trace(trace_id);
  JsonWriter json;
  json.begin_object();
  json.key("trace_id").string(trace_id);
  json.key("truncated").boolean(reader.is_truncated());
  SkeletonWriter(rows).write(json);
  session.write_stats(json);
  json.end_object();
  return json.take();
}

}  // namespace signalbox::server::query
