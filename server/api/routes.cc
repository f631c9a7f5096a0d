#include "server/api/routes.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <limits>
#include <ranges>

#include "server/api/search_parameters.h"
#include "server/query/aggregate/request.h"
#include "server/query/aggregate/run.h"
#include "server/query/changes/changes.h"
#include "server/query/errors/errors.h"
#include "server/query/export/export.h"
#include "server/query/fields/complete.h"
#include "server/query/fields/facets.h"
#include "server/query/language/filter.h"
#include "server/query/language/structure.h"
#include "server/query/logs/context.h"
#include "server/query/logs/logs.h"
#include "server/query/logs/patterns.h"
#include "server/query/metrics/metrics.h"
#include "server/query/plan/error.h"
#include "server/query/plan/fields.h"
#include "server/query/plan/selection.h"
#include "server/query/services/calls.h"
#include "server/query/services/graph.h"
#include "server/query/services/services.h"
#include "server/query/services/versions.h"
#include "server/query/traces/skeleton.h"
#include "server/query/traces/span_distribution.h"
#include "server/query/traces/structure_search.h"
#include "server/query/traces/trace.h"
#include "server/query/traces/trace_comparison.h"
#include "server/query/traces/trace_profile.h"
#include "server/query/traces/traces.h"
#include "server/query/user_sql/run.h"

namespace signalbox::server::api {
namespace {

using query::FilterNode;
using query::QueryError;
using query::Session;

constexpr std::size_t kTraceIdDigits = 32;
constexpr std::size_t kSpanIdDigits = 16;

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::uint32_t limit_of(Target& target) {
  return static_cast<std::uint32_t>(target.integer("limit", 1, 1000, 100));
}

query::SearchParts parts_of(Target& target) {
  const std::vector<std::string> names = target.texts("include", 3);
  if (names.empty()) return {};
  query::SearchParts parts{.rows = false, .histogram = false, .facets = false};
  for (const std::string& name : names) {
    if (name == "rows") {
      parts.rows = true;
    } else if (name == "histogram") {
      parts.histogram = true;
    } else if (name == "facets") {
      parts.facets = true;
    } else {
      throw QueryError::invalid("include", "'include' must be one of: rows, histogram, facets.");
    }
  }
  return parts;
}

/// A histogram and facets would need all spans that the structure finds.
query::SearchParts parts_with_structure(Target& target) {
  constexpr query::SearchParts kRows{.rows = true, .histogram = false, .facets = false};
  if (target.texts("include", 3).empty()) return kRows;
  const query::SearchParts parts = parts_of(target);
  if (parts.histogram || parts.facets) {
    throw QueryError::invalid("include", "With 'structure' there is only include=rows.");
  }
  return kRows;
}

query::Apdex apdex_of(Target& target) {
  const std::string threshold = target.text("apdex");
  return threshold.empty() ? query::Apdex{} : query::parse_apdex(threshold);
}

Query services_query(RouteCall& call) {
  Target& target = call.target;
  return [range = target.range(now_ns()), apdex = apdex_of(target)](Session& session) {
    return query::list_services(session, range, apdex);
  };
}

Query service_query(RouteCall& call) {
  Target& target = call.target;
  return [name = target.required_name("name"), range = target.range(now_ns()),
          apdex = apdex_of(target)](Session& session) {
    return query::get_service(session, name, range, apdex);
  };
}

Query versions_query(RouteCall& call) {
  Target& target = call.target;
  return [name = target.required_name("name"), range = target.range(now_ns()),
          apdex = apdex_of(target)](Session& session) {
    return query::list_versions(session, name, range, apdex);
  };
}

Query calls_query(RouteCall& call) {
  Target& target = call.target;
  return [name = target.required_name("name"), range = target.range(now_ns()),
          limit = limit_of(target)](Session& session) {
    return query::list_calls(session, name, range, limit);
  };
}

Query graph_query(RouteCall& call) {
  Target& target = call.target;
  query::GraphRequest request;
  request.range = target.range(now_ns());
  request.resources.environment = target.text("environment");
  request.resources.service_namespace = target.text("namespace");
  request.inferred = target.choice("inferred", {"true", "false"}) == 0;
  return [request = std::move(request)](Session& session) {
    return query::get_service_graph(session, request);
  };
}

Query errors_query(RouteCall& call) {
  Target& target = call.target;
  query::ErrorSearch search;
  search.range = target.range(now_ns());
  search.service = target.name("service");
  const std::size_t signal = target.choice("signal", {"all", "traces", "logs"});
  if (signal > 0) search.signal = signal == 1 ? query::Signal::kTraces : query::Signal::kLogs;
  search.contains = target.text("contains");
  search.order =
      static_cast<query::ErrorSearch::Order>(target.choice("order", {"frequent", "latest", "new"}));
  search.limit = limit_of(target);
  search.cursor = target.text("cursor");
  return [search = std::move(search)](Session& session) {
    return query::list_errors(session, search);
  };
}

Query traces_query(RouteCall& call) {
  Target& target = call.target;
  query::TraceSearch search;
  search.range = target.range(now_ns());
  search.filter = filter_of(target);
  search.limit = limit_of(target);
  search.cursor = target.text("cursor");
  search.order = static_cast<query::TraceSearch::Order>(
      target.choice("order", {"newest", "oldest", "slowest"}));
  search.parts = parts_of(target);
  if (const std::string structure = target.text("structure"); !structure.empty()) {
    search.structure = query::parse_structure(structure);
    query::check_structure(*search.structure);
    search.parts = parts_with_structure(target);
  }
  return [search = std::move(search)](Session& session) {
    return query::search_traces(session, search);
  };
}

std::string trace_id_of_path(const RouteCall& call) {
  return parse_hex_id("trace_id", call.path_values.at(0), kTraceIdDigits);
}

Query trace_query(RouteCall& call) {
  return [id = trace_id_of_path(call)](Session& session) { return query::get_trace(session, id); };
}

Query skeleton_query(RouteCall& call) {
  return
      [id = trace_id_of_path(call)](Session& session) { return query::get_skeleton(session, id); };
}

Query comparison_query(RouteCall& call) {
  Target& target = call.target;
  std::array<std::string, 2> ids;
  for (const std::size_t i : {0, 1}) {
    const std::string_view name = i == 0 ? "a" : "b";
    target.required_text(name);
    ids.at(i) = target.hex_id(name, kTraceIdDigits);
  }
  return [ids = std::move(ids), limit = limit_of(target)](Session& session) {
    return query::compare_traces(session, ids[0], ids[1], limit);
  };
}

Query distribution_query(RouteCall& call) {
  Target& target = call.target;
  const bool has_start = target.nanoseconds("start").has_value();
  const bool has_end = target.nanoseconds("end").has_value();
  std::optional<query::TimeRange> range;
  if (has_start || has_end) range = target.range(now_ns());
  return [trace = trace_id_of_path(call),
          span = parse_hex_id("span_id", call.path_values.at(1), kSpanIdDigits),
          range](Session& session) {
    return query::get_span_distribution(session, trace, span, range);
  };
}

Query profile_query(RouteCall& call) {
  Target& target = call.target;
  query::Selection selection{query::Signal::kTraces, target.range(now_ns()), filter_of(target)};
  return [selection = std::move(selection), limit = limit_of(target)](Session& session) {
    return query::get_trace_profile(session, selection, limit);
  };
}

Query spans_query(RouteCall& call) {
  std::vector<std::string> span_ids = call.target.texts("span_id", query::kMaxSpanIds);
  if (span_ids.empty()) {
    throw QueryError::invalid("span_id", "Name the spans that are wanted: span_id=….");
  }
  for (std::string& id : span_ids) id = parse_hex_id("span_id", id, kSpanIdDigits);
  return [id = trace_id_of_path(call), span_ids = std::move(span_ids)](Session& session) {
    return query::get_spans(session, id, span_ids);
  };
}

FilterNode at_least(std::int64_t severity) {
  FilterNode node = query::field_equals("severity", std::to_string(severity));
  node.op = query::FilterOperator::kGreaterOrEqual;
  node.values[0].kind = query::FilterValue::Kind::kNumber;
  node.values[0].number = static_cast<double>(severity);
  return node;
}

Query logs_query(RouteCall& call) {
  Target& target = call.target;
  query::LogSearch search;
  const std::string trace_id = target.hex_id("trace_id", kTraceIdDigits);
  const std::string span_id = target.hex_id("span_id", kSpanIdDigits);
  const bool has_times = target.nanoseconds("start") || target.nanoseconds("end");
  search.range = target.range(now_ns());
  search.filter = filter_of(target);
  if (!trace_id.empty()) {
    search.filter = query::both(query::field_equals("trace_id", trace_id), search.filter);
  }
  if (!span_id.empty()) {
    search.filter = query::both(query::field_equals("span_id", span_id), search.filter);
  }
  if (const std::int64_t severity = target.integer("severity_min", 0, 24, 0); severity > 0) {
    search.filter = query::both(at_least(severity), search.filter);
  }
  search.limit = limit_of(target);
  search.cursor = target.text("cursor");
  search.order = static_cast<query::LogSearch::Order>(target.choice("order", {"newest", "oldest"}));
  search.parts = parts_of(target);
  const bool around_trace = !trace_id.empty() && !has_times;
  return [search = std::move(search), trace_id, around_trace](Session& session) {
    if (!around_trace) return query::search_logs(session, search);
    query::LogSearch of_trace = search;
    of_trace.range = query::range_around_trace(session, trace_id).value_or(search.range);
    return query::search_logs(session, of_trace);
  };
}

query::LogId log_id_of_path(const RouteCall& call) {
  return query::LogId::parse(call.path_values.at(0), "id");
}

Query log_query(RouteCall& call) {
  return [id = log_id_of_path(call), time = call.target.nanoseconds("time")](Session& session) {
    return query::get_log(session, id, time);
  };
}

Query log_patterns_query(RouteCall& call) {
  Target& target = call.target;
  query::Selection selection{query::Signal::kLogs, target.range(now_ns()), filter_of(target)};
  return [selection = std::move(selection), limit = limit_of(target)](Session& session) {
    return query::get_log_patterns(session, selection, limit);
  };
}

Query log_context_query(RouteCall& call) {
  constexpr std::int64_t kMost = 500;
  constexpr std::int64_t kFew = 10;
  Target& target = call.target;
  query::LogContextRequest request;
  request.id = log_id_of_path(call);
  request.time_ns = target.nanoseconds("time");
  request.scope = static_cast<query::LogContextRequest::Scope>(
      target.choice("scope", {"instance", "service", "trace", "all"}));
  request.filter = query::parse_filter(target.text("q"));
  request.before = static_cast<std::uint32_t>(target.integer("before", 0, kMost, kFew));
  request.after = static_cast<std::uint32_t>(target.integer("after", 0, kMost, kFew));
  return [request = std::move(request)](Session& session) {
    return query::get_log_context(session, request);
  };
}

Query metrics_query(RouteCall& call) {
  Target& target = call.target;
  return [range = target.range(now_ns()), service = target.name("service")](Session& session) {
    return query::list_metrics(session, range, service);
  };
}

Query metric_query(RouteCall& call) {
  Target& target = call.target;
  query::MetricQuery query;
  query.name = target.required_text("name");
  constexpr std::array<std::string_view, 6> kTypes = {
      "", "gauge", "sum", "histogram", "exponential_histogram", "summary"};
  query.type = kTypes.at(
      target.choice("type", {"", "gauge", "sum", "histogram", "exponential_histogram", "summary"}));
  query.range = target.range(now_ns());
  query.step_ns = target.nanoseconds("step").value_or(0);
  query.group_by = target.texts("group_by", 8);
  for (const std::string& name : target.texts("aggregation", 5)) {
    const auto aggregation = query::parse_aggregation(name);
    if (!aggregation) {
      throw QueryError::invalid("aggregation",
                                "'aggregation' must be one of: avg, rate, increase, sum, last, "
                                "min, max, count, or a percentile such as p99 or p99.9.");
    }
    query.aggregations.push_back(*aggregation);
  }
  query.filter = query::parse_filter(target.text("q"));
  query.exemplars = target.flag("exemplars");
  return
      [query = std::move(query)](Session& session) { return query::query_metric(session, query); };
}

Query fields_query(RouteCall& call) {
  Target& target = call.target;
  query::FieldsRequest request;
  request.signal = signal_of(target);
  request.range = target.range(now_ns());
  request.contains = target.text("contains");
  request.metric = target.text("metric");
  return [request = std::move(request)](Session& session) {
    return query::list_fields(session, request);
  };
}

Query field_values_query(RouteCall& call) {
  Target& target = call.target;
  query::FieldValuesRequest request;
  request.signal = signal_of(target);
  request.field = target.required_text("field");
  request.range = target.range(now_ns());
  request.filter = query::parse_filter(target.text("q"));
  request.contains = target.text("contains");
  request.metric = target.text("metric");
  request.limit = limit_of(target);
  return [request = std::move(request)](Session& session) {
    return query::list_field_values(session, request);
  };
}

Query complete_query(RouteCall& call) {
  Target& target = call.target;
  query::CompletionRequest request;
  request.signal = signal_of(target);
  request.filter = target.text("q");
  query::check_filter_length(request.filter);
  const auto length = static_cast<std::int64_t>(request.filter.size());
  request.position = static_cast<std::size_t>(target.integer("position", 0, length, length));
  request.range = target.range(now_ns());
  request.metric = target.text("metric");
  request.limit = static_cast<std::uint32_t>(
      target.integer("limit", 1, query::kMaxSuggestions, query::kMaxSuggestions));
  return [request = std::move(request)](Session& session) {
    return query::complete_filter(session, request);
  };
}

Query aggregate_query(RouteCall& call) {
  check_json(call.request);
  return [request = query::parse_aggregate_request(call.request.body, now_ns())](Session& session) {
    return query::run_aggregates(session, request);
  };
}

Query sql_query(RouteCall& call) {
  check_json(call.request);
  return [query = query::parse_user_sql(call.request.body)](Session& session) {
    return query::run_user_sql(session, query);
  };
}

Query sql_tables_query(RouteCall& /*call*/) {
  return [](Session& session) { return query::list_sql_tables(session); };
}

Query changes_query(RouteCall& call) {
  check_json(call.request);
  return [request = query::parse_changes(call.request.body, now_ns())](Session& session) {
    return query::find_changes(session, request);
  };
}

Query export_query(RouteCall& call) {
  Target& target = call.target;
  query::ExportRequest request;
  request.signal = signal_of(target);
  request.trace_id = target.hex_id("trace_id", kTraceIdDigits);
  const bool has_times = target.nanoseconds("start") || target.nanoseconds("end");
  request.around_trace = !has_times && !request.trace_id.empty();
  request.range = request.around_trace
                      ? query::TimeRange{0, std::numeric_limits<std::int64_t>::max()}
                      : target.range(now_ns());
  request.filter = filter_of(target);
  const bool is_json = target.choice("format", {"json", "protobuf"}) == 0;
  request.encoding = is_json ? otlp::Encoding::kJson : otlp::Encoding::kProtobuf;
  request.cursor = target.text("cursor");
  request.limit = static_cast<std::uint32_t>(target.integer("limit", 1, 50'000, request.limit));
  return [request = std::move(request), is_json](Session& session) {
    query::ExportPage page = query::export_page(session, request);
    Answer answer(std::move(page.body));
    answer.content_type = is_json ? "application/x-ndjson" : "application/x-protobuf";
    answer.headers.set("signalbox-record-count", std::to_string(page.records));
    if (!page.next_cursor.empty()) answer.headers.set("signalbox-next-cursor", page.next_cursor);
    return answer;
  };
}

constexpr auto kRoutes = std::to_array<Route>({
    {"/api/v1/services", "GET", services_query},
    {"/api/v1/service", "GET", service_query},
    {"/api/v1/service/calls", "GET", calls_query},
    {"/api/v1/service/versions", "GET", versions_query},
    {"/api/v1/service_graph", "GET", graph_query},
    {"/api/v1/errors", "GET", errors_query},
    {"/api/v1/traces", "GET", traces_query},
    {"/api/v1/traces/compare", "GET", comparison_query},
    {"/api/v1/traces/profile", "GET", profile_query},
    {"/api/v1/traces/{trace_id}", "GET", trace_query},
    {"/api/v1/traces/{trace_id}/skeleton", "GET", skeleton_query},
    {"/api/v1/traces/{trace_id}/spans", "GET", spans_query},
    {"/api/v1/traces/{trace_id}/spans/{span_id}/distribution", "GET", distribution_query},
    {"/api/v1/logs", "GET", logs_query},
    {"/api/v1/logs/patterns", "GET", log_patterns_query},
    {"/api/v1/logs/{id}", "GET", log_query},
    {"/api/v1/logs/{id}/context", "GET", log_context_query},
    {"/api/v1/metrics", "GET", metrics_query},
    {"/api/v1/metrics/query", "GET", metric_query},
    {"/api/v1/query", "POST", aggregate_query},
    {"/api/v1/changes", "POST", changes_query},
    {"/api/v1/export", "GET", export_query, true},
    {"/api/v1/fields", "GET", fields_query},
    {"/api/v1/field_values", "GET", field_values_query},
    {"/api/v1/complete", "GET", complete_query},
    {"/api/v1/sql", "POST", sql_query, true},
    {"/api/v1/sql/tables", "GET", sql_tables_query},
});

std::vector<std::string_view> parts_of_path(std::string_view path) {
  std::vector<std::string_view> parts;
  for (const auto part : std::views::split(path, '/')) parts.emplace_back(part.begin(), part.end());
  return parts;
}

std::optional<std::vector<std::string_view>> match(std::string_view pattern,
                                                   const std::vector<std::string_view>& path) {
  const std::vector<std::string_view> expected = parts_of_path(pattern);
  if (expected.size() != path.size()) return std::nullopt;
  std::vector<std::string_view> values;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (expected[i].starts_with('{')) {
      values.push_back(path[i]);
    } else if (path[i] != expected[i]) {
      return std::nullopt;
    }
  }
  return values;
}

}  // namespace

std::optional<FoundRoute> find_route(std::string_view path) {
  const std::vector<std::string_view> parts = parts_of_path(path);
  std::optional<FoundRoute> found;
  for (const Route& route : kRoutes) {
    auto values = match(route.path, parts);
    if (!values) continue;
    if (values->empty()) return FoundRoute{.route = route, .path_values = {}};
    if (!found) found.emplace(FoundRoute{.route = route, .path_values = std::move(*values)});
  }
  return found;
}

void check_json(const net::Request& request) {
  if (request.headers.get("content-type").starts_with("application/json")) return;
  throw QueryError::invalid("content-type", "Send the body as application/json.");
}

}  // namespace signalbox::server::api
