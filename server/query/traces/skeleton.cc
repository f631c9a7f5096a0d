#include "server/query/traces/skeleton.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "server/query/json/json.h"
#include "server/query/traces/skeleton_spans.h"

namespace signalbox::server::query {
namespace {

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

struct ServiceTotals {
  std::uint64_t spans = 0;
  std::uint64_t errors = 0;
  /// Of many spans whose sent times are senseless they may be beyond a signed number.
  std::uint64_t self_ns = 0;
  std::uint64_t critical_ns = 0;
};

class SkeletonWriter {
 public:
  explicit SkeletonWriter(const std::vector<SkeletonSpan>& spans)
      : spans_(spans), tree_(arrange(spans)) {
    for (const SkeletonSpan& span : spans_) {
      names_of_.push_back(names_.index_of(span.name));
      services_of_.push_back(services_.index_of(span.service_name));
    }
  }

  void write(JsonWriter& json) const {
    json.key("start_time").digits(start_ns());
    json.key("duration_ns").digits(duration_ns_of(spans_));
    write_services(json);
    json.key("names").begin_array();
    for (const std::string_view name : names_.texts()) json.string(name);
    json.end_array();
    json.key("columns").begin_object();
    write_columns(json);
    json.end_object();
  }

 private:
  [[nodiscard]] std::int64_t start_ns() const { return spans_.front().start_ns; }

  [[nodiscard]] int flags_of(std::size_t span) const {
    const bool is_orphan =
        spans_[span].link.parent_span_id != 0 && tree_.parents[span] == kNoParent;
    return spans_[span].flags | (is_orphan ? kParentMissing : 0);
  }

  void write_services(JsonWriter& json) const {
    std::vector<ServiceTotals> totals(services_.texts().size());
    for (std::size_t i = 0; i < spans_.size(); ++i) {
      ServiceTotals& total = totals[services_of_[i]];
      ++total.spans;
      if (spans_[i].is_error()) ++total.errors;
      total.self_ns += static_cast<std::uint64_t>(tree_.times[i].self_ns);
      total.critical_ns += static_cast<std::uint64_t>(tree_.times[i].critical_ns);
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
    for (std::size_t i = 0; i < spans_.size(); ++i) json.number(value(i));
    json.end_array();
  }

  void write_columns(JsonWriter& json) const {
    json.key("span_id").begin_array();
    for (const SkeletonSpan& span : spans_) {
      json.hex({reinterpret_cast<const char*>(&span.link.span_id), sizeof(span.link.span_id)});
    }
    json.end_array();
    write_column("parent", json, [this](std::size_t i) { return tree_.parents[i]; });
    write_column("start_ns", json,
                 [this](std::size_t i) { return spans_[i].start_ns - start_ns(); });
    write_column("duration_ns", json, [this](std::size_t i) { return spans_[i].duration_ns; });
    write_column("service", json, [this](std::size_t i) { return services_of_[i]; });
    write_column("name", json, [this](std::size_t i) { return names_of_[i]; });
    write_column("kind", json, [this](std::size_t i) { return spans_[i].kind; });
    write_column("status", json, [this](std::size_t i) { return spans_[i].status_code; });
    write_column("flags", json, [this](std::size_t i) { return flags_of(i); });
    write_column("self_ns", json, [this](std::size_t i) { return tree_.times[i].self_ns; });
    write_column("critical_ns", json, [this](std::size_t i) { return tree_.times[i].critical_ns; });
  }

  const std::vector<SkeletonSpan>& spans_;
  const SkeletonTree tree_;
  TextTable names_;
  TextTable services_;
  std::vector<std::uint32_t> names_of_;
  std::vector<std::uint32_t> services_of_;
};

}  // namespace

std::string get_skeleton(Session& session, std::string_view trace_id) {
  SkeletonReader reader(session, trace_id);
  const std::vector<SkeletonSpan> spans = reader.run();
  JsonWriter json;
  json.begin_object();
  json.key("trace_id").string(trace_id);
  json.key("truncated").boolean(reader.is_truncated());
  SkeletonWriter(spans).write(json);
  session.write_stats(json);
  json.end_object();
  return json.take();
}

}  // namespace signalbox::server::query
