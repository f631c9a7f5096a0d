#include "server/query/services/graph.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "server/query/plan/query_test_fixture.h"
#include "server/query/services/calls.h"
#include "server/query/traces/traces.h"
#include "server/store/columns/block.h"
#include "server/store/columns/side_tables.h"

namespace signalbox::server::query {
namespace {

using Attributes = std::map<std::string, std::string>;

struct TestSpan {
  int trace = 0;
  int id = 0;
  int parent = 0;  ///< 0: none.
  std::string service;
  std::string environment = "prod";
  int kind = 1;
  bool failed = false;
  std::int64_t start_ns = 0;  ///< After kT0.
  std::int64_t duration_ns = 1'000'000;
  Attributes attributes = {};
  std::string name = "op";
};

template <std::size_t size>
std::string id_bytes(int id) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < 4; ++i) {
    bytes[size - 1 - i] = static_cast<char>(static_cast<unsigned>(id) >> 8 * i & 0xFF);
  }
  return bytes;
}

otlp::KeyValueView text_attribute(std::string_view key, std::string_view value) {
  otlp::KeyValueView view;
  view.key = key;
  view.value.type = otlp::ValueType::kString;
  view.value.text = value;
  return view;
}

class GraphTest : public QueryTest {
 protected:
  /// Stores them as a server does, in `blocks` blocks.
  void store(const std::vector<TestSpan>& spans, std::size_t blocks = 1) {
    store::Registry registry(10'000);
    for (std::size_t block = 0; block < blocks; ++block) {
      store::Block open(registry);
      open.begin_request(kT0);
      for (std::size_t i = block; i < spans.size(); i += blocks) write(spans[i], open);
      insert_block(open);
    }
  }

  static void write(const TestSpan& span, store::Block& block) {
    otlp::TraceSink& sink = block.sinks().traces;
    const std::array resource_attributes = {
        text_attribute("service.name", span.service),
        text_attribute("deployment.environment.name", span.environment)};
    otlp::ResourceView resource;
    resource.attributes = resource_attributes;
    sink.on_resource(resource);
    sink.on_scope({});
    std::vector<otlp::KeyValueView> attributes;
    for (const auto& [key, value] : span.attributes) {
      attributes.push_back(text_attribute(key, value));
    }
    const std::string trace_id = id_bytes<16>(span.trace);
    const std::string span_id = id_bytes<8>(span.id);
    const std::string parent_id = span.parent == 0 ? std::string() : id_bytes<8>(span.parent);
    otlp::SpanView view;
    view.trace_id = trace_id;
    view.span_id = span_id;
    view.parent_span_id = parent_id;
    view.name = span.name;
    view.kind = span.kind;
    view.status_code = span.failed ? 2 : 0;
    view.start_time_unix_nano = static_cast<std::uint64_t>(kT0 + span.start_ns);
    view.end_time_unix_nano =
        view.start_time_unix_nano + static_cast<std::uint64_t>(span.duration_ns);
    view.attributes = attributes;
    sink.on_span(view);
  }

  void insert_block(store::Block& block) {
    identity_ = std::max(identity_ + 1, std::chrono::duration_cast<std::chrono::microseconds>(
                                            std::chrono::system_clock::now().time_since_epoch())
                                            .count());
    store::SideTables side;
    const store::SealedBlock sealed = block.seal(identity_);
    block.add_side_rows(identity_, side);
    block.descriptions_are_written();
    for (const auto& tables :
         {sealed.descriptions, sealed.data, store::write_side_tables(side, identity_)}) {
      for (const store::TableRows& rows : tables) engine_.insert_native(rows.table, rows.native);
    }
  }

  boost::json::value graph(const GraphRequest& request) {
    Session of_this_query = session();
    return parse(get_service_graph(of_this_query, request));
  }
  boost::json::value calls(const std::string& service, const TimeRange& range,
                           std::uint32_t limit = 100) {
    Session of_this_query = session();
    return parse(list_calls(of_this_query, service, range, limit));
  }

 private:
  std::int64_t identity_ = 0;
};

/// client, server, kind.
using EdgeKey = std::tuple<std::string, std::string, std::string>;
struct EdgeValue {
  std::int64_t calls = 0;
  std::int64_t errors = 0;
  std::vector<std::int64_t> client_ns = {};
  std::vector<std::int64_t> server_ns = {};
};
using EdgeMap = std::map<EdgeKey, EdgeValue>;

/// What of a span's attributes says that it calls a thing without spans: the node's id.
std::string node_of(const TestSpan& span) {
  const auto text = [&](const char* key) {
    const auto at = span.attributes.find(key);
    return at == span.attributes.end() ? std::string() : at->second;
  };
  if (!text("db.system.name").empty()) {
    return "database:" + text("db.system.name") + ":" + text("db.namespace");
  }
  if (!text("messaging.system").empty()) {
    return "messaging:" + text("messaging.system") + ":" + text("messaging.destination.name");
  }
  if (!text("http.request.method").empty()) return "http:" + text("server.address");
  return {};
}

/// The edges, computed span by span.
EdgeMap edges_of(const std::vector<TestSpan>& spans, const TimeRange& range,
                 const std::string& environment) {
  std::vector<const TestSpan*> all;
  for (const TestSpan& span : spans) {
    if (environment.empty() || span.environment == environment) all.push_back(&span);
  }
  const auto is_in_range = [&](const TestSpan& span) {
    return kT0 + span.start_ns >= range.start_ns && kT0 + span.start_ns < range.end_ns;
  };
  EdgeMap edges;
  std::map<std::string, bool> reaches_a_service;  // By node.
  for (const TestSpan* const called : all) {
    if (called->kind != 2 && called->kind != 5) continue;
    for (const TestSpan* const caller : all) {
      const bool is_call = (caller->kind == 3 || caller->kind == 4) &&
                           caller->trace == called->trace && caller->id == called->parent;
      if (!is_call) continue;
      reaches_a_service[caller->service + " " + node_of(*caller)] = true;
      if (!is_in_range(*called) || caller->service == called->service) continue;
      EdgeValue& edge = edges[{"service:" + caller->service, "service:" + called->service,
                               called->kind == 5 ? "message" : "call"}];
      ++edge.calls;
      if (caller->failed || called->failed) ++edge.errors;
      edge.client_ns.push_back(caller->duration_ns);
      edge.server_ns.push_back(called->duration_ns);
    }
  }
  for (const TestSpan* const span : all) {
    const std::string node = node_of(*span);
    if (span->kind < 3 || node.empty() || !is_in_range(*span)) continue;
    const bool is_message = node.starts_with("messaging");
    if (span->kind == 5 && !is_message) continue;
    if (node.starts_with("http") && reaches_a_service[span->service + " " + node]) continue;
    const std::string service = "service:" + span->service;
    EdgeKey key = {service, node, is_message ? "message" : "call"};
    if (span->kind == 5) key = {node, service, "message"};
    EdgeValue& edge = edges[key];
    ++edge.calls;
    if (span->failed) ++edge.errors;
    (span->kind == 5 ? edge.server_ns : edge.client_ns).push_back(span->duration_ns);
  }
  return edges;
}

void expect_durations(const boost::json::value& written, std::vector<std::int64_t> expected,
                      const std::string& where) {
  if (expected.empty()) {
    EXPECT_TRUE(written.at("p50_ns").is_null()) << where;
    EXPECT_TRUE(written.at("mean_ns").is_null()) << where;
    return;
  }
  std::sort(expected.begin(), expected.end());
  for (const auto& [name, q] : {std::pair("p50_ns", 0.5), {"p95_ns", 0.95}, {"p99_ns", 0.99}}) {
    const auto rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(expected.size())));
    const auto value = static_cast<double>(expected[std::max<std::size_t>(rank, 1) - 1]);
    EXPECT_NEAR(written.at(name).to_number<double>(), value, value / 16 + 1) << where << name;
  }
  double sum = 0;
  for (const std::int64_t ns : expected) sum += static_cast<double>(ns);
  const double mean = sum / static_cast<double>(expected.size());
  EXPECT_NEAR(written.at("mean_ns").to_number<double>(), mean, mean * 0.032 + 1) << where;
}

void expect_edges(const boost::json::value& answer, const EdgeMap& expected, double seconds) {
  EdgeMap left = expected;
  for (const auto& edge : answer.at("edges").as_array()) {
    const EdgeKey key = {edge.at("client").as_string().c_str(),
                         edge.at("server").as_string().c_str(),
                         edge.at("kind").as_string().c_str()};
    const std::string where = std::get<0>(key) + " > " + std::get<1>(key) + " ";
    const auto at = left.find(key);
    if (at == left.end()) {
      ADD_FAILURE() << "unexpected or twice: " << where;
      continue;
    }
    const EdgeValue& value = at->second;
    EXPECT_EQ(edge.at("call_count"), value.calls) << where;
    EXPECT_EQ(edge.at("error_count"), value.errors) << where;
    EXPECT_DOUBLE_EQ(edge.at("error_rate").to_number<double>(),
                     static_cast<double>(value.errors) / static_cast<double>(value.calls));
    EXPECT_NEAR(edge.at("calls_per_second").to_number<double>(),
                static_cast<double>(value.calls) / seconds, 1e-9);
    expect_durations(edge.at("client_durations"), value.client_ns, where + "client ");
    expect_durations(edge.at("server_durations"), value.server_ns, where + "server ");
    left.erase(at);
  }
  for (const auto& [key, value] : left) {
    ADD_FAILURE() << "missing: " << std::get<0>(key) << " > " << std::get<1>(key);
  }
}

class RandomTraces {
 public:
  explicit RandomTraces(unsigned seed) : random_(seed) {}

  std::vector<TestSpan> spans(int traces, std::int64_t seconds) {
    std::vector<TestSpan> all;
    for (int trace = 1; trace <= traces; ++trace) {
      const std::int64_t start = below(seconds) * kSecondNs;
      add_call(trace, 0, service(), start, 0, all);
    }
    std::shuffle(all.begin(), all.end(), random_);
    return all;
  }

 private:
  std::int64_t below(std::int64_t limit) { return static_cast<std::int64_t>(random_()) % limit; }
  bool one_of(std::int64_t n) { return below(n) == 0; }
  std::string service() { return std::string(1, static_cast<char>('a' + below(5))); }

  TestSpan& add(int trace, int parent, const std::string& of, int kind, std::int64_t start,
                std::vector<TestSpan>& all) {
    return all.emplace_back(TestSpan{.trace = trace,
                                     .id = ++last_id_,
                                     .parent = parent,
                                     .service = of,
                                     .environment = of < "d" ? "prod" : "test",
                                     .kind = kind,
                                     .failed = one_of(4),
                                     .start_ns = start,
                                     .duration_ns = 1 + below(1'000'000'000) / (1 + below(1000))});
  }

  /// A span that takes a request, and what it calls.
  void add_call(int trace, int parent, const std::string& of, std::int64_t start, int depth,
                std::vector<TestSpan>& all) {
    const int server = add(trace, parent, of, one_of(4) ? 5 : 2, start, all).id;
    if (all.back().kind == 5 && one_of(2)) {
      all.back().attributes = {{"messaging.system", "kafka"},
                               {"messaging.destination.name", "orders"}};
    }
    for (std::int64_t i = below(4); i > 0 && depth < 4; --i) {
      add_client(trace, server, of, start + below(20 * kSecondNs), depth, all);
    }
  }

  void add_client(int trace, int parent, const std::string& of, std::int64_t start, int depth,
                  std::vector<TestSpan>& all) {
    TestSpan& client = add(trace, parent, of, 3, start, all);
    const int id = client.id;
    switch (below(5)) {
      case 0:
        client.attributes = {{"db.system.name", "postgresql"}, {"db.namespace", service()}};
        return;
      case 1:
        client.kind = 4;
        client.attributes = {{"messaging.system", "kafka"},
                             {"messaging.destination.name", "orders"}};
        break;
      case 2:
        client.attributes = {{"http.request.method", "GET"},
                             {"server.address", one_of(2) ? "outside" : "inside"}};
        if (client.attributes["server.address"] == "outside") return;
        break;
      default:
        break;  // It tells nothing of what it calls.
    }
    if (one_of(5)) return;  // The called one sends no spans.
    add_call(trace, id, service(), start + below(5 * kSecondNs), depth + 1, all);
  }

  std::mt19937 random_;
  int last_id_ = 0;
};

/// The naive way: every pair of spans of a trace. Seeds are the rounds.
TEST_F(GraphTest, HasTheEdgesThatThePairsOfSpansAre) {
  constexpr int kSeconds = 1800;
  const std::vector<TestSpan> spans = RandomTraces(7).spans(400, kSeconds);
  store(spans, 5);
  // In minutes of the side table and ends of spans; in spans alone; in one second of an hour.
  for (const auto& [from_s, until_s] :
       {std::pair(0, 2000), {7, 1234}, {60, 120}, {61, 119}, {600, 601}, {3000, 3600}}) {
    const TimeRange range = seconds_range(from_s, until_s);
    SCOPED_TRACE(std::to_string(from_s) + " to " + std::to_string(until_s));
    for (const std::string environment : {"", "prod", "test", "none"}) {
      SCOPED_TRACE("environment " + environment);
      const auto answer = graph({.range = range, .resources = {.environment = environment}});

      expect_edges(answer, edges_of(spans, range, environment), until_s - from_s);
      EXPECT_EQ(answer.at("is_complete"), true);
    }
  }
}

/// As if the spans were older than the side table: they alone tell.
TEST_F(GraphTest, HasTheSameEdgesOfSpansFromBeforeTheSideTable) {
  const std::vector<TestSpan> spans = RandomTraces(8).spans(200, 1200);
  store(spans, 3);
  engine_.execute("TRUNCATE TABLE span_edge_rows");
  engine_.execute("INSERT INTO schema_versions SELECT 3, now64(9) + toIntervalDay(1)");
  const TimeRange range = seconds_range(30, 1000);

  expect_edges(graph({.range = range}), edges_of(spans, range, ""), 970);
}

std::vector<TestSpan> a_shop() {
  return {
      {.trace = 1, .id = 1, .service = "web", .kind = 2, .duration_ns = 100'000'000},
      {.trace = 1,
       .id = 2,
       .parent = 1,
       .service = "web",
       .kind = 3,
       .start_ns = 1,
       .duration_ns = 80'000'000,
       .attributes = {{"http.request.method", "POST"},
                      {"server.address", "shop"},
                      {"server.port", "8080"},
                      {"url.template", "/orders/{id}"}}},
      {.trace = 1,
       .id = 3,
       .parent = 2,
       .service = "shop",
       .kind = 2,
       .failed = true,
       .start_ns = 2,
       .duration_ns = 70'000'000},
      {.trace = 1,
       .id = 4,
       .parent = 3,
       .service = "shop",
       .kind = 3,
       .start_ns = 3,
       .duration_ns = 35'000'000,
       .attributes = {{"db.system", "mysql"},
                      {"db.name", "orders"},
                      {"db.operation", "SELECT"},
                      {"db.sql.table", "items"},
                      {"net.peer.name", "db1"}}},
  };
}

TEST_F(GraphTest, HasServicesAndWhatTheyCallAsNodes) {
  store(a_shop());

  const auto answer = graph({.range = seconds_range(0, 10)});
  const auto without = graph({.range = seconds_range(0, 10), .inferred = false});

  ASSERT_EQ(answer.at("nodes").as_array().size(), 3u);  // The address of shop is none.
  EXPECT_EQ(answer.at("nodes").at(0).at("id"), "database:mysql:orders");
  EXPECT_EQ(answer.at("nodes").at(0).at("system"), "mysql");
  EXPECT_EQ(answer.at("nodes").at(0).at("name"), "orders");
  EXPECT_EQ(answer.at("nodes").at(0).at("span_count"), 0);
  EXPECT_EQ(answer.at("nodes").at(1).at("id"), "service:shop");
  EXPECT_EQ(answer.at("nodes").at(1).at("span_count"), 1);
  EXPECT_EQ(answer.at("nodes").at(1).at("error_count"), 1);
  EXPECT_EQ(answer.at("nodes").at(2).at("name"), "web");
  EXPECT_EQ(answer.at("edges").as_array().size(), 2u);
  EXPECT_EQ(without.at("nodes").as_array().size(), 2u);
  EXPECT_EQ(without.at("edges").as_array().size(), 1u);
}

TEST_F(GraphTest, TellsCallsOfOldAndNewConventionsAlike) {
  auto spans = a_shop();
  spans.push_back({.trace = 2,
                   .id = 5,
                   .service = "shop",
                   .kind = 3,
                   .failed = true,
                   .duration_ns = 5'000'000,
                   .attributes = {{"db.system.name", "mysql"},
                                  {"db.namespace", "orders"},
                                  {"db.operation.name", "SELECT"},
                                  {"db.collection.name", "items"},
                                  {"server.address", "db1"}}});
  store(spans);

  const auto answer = calls("shop", seconds_range(0, 10));

  ASSERT_EQ(answer.at("calls").as_array().size(), 1u);
  const auto& call = answer.at("calls").at(0);
  EXPECT_EQ(call.at("type"), "database");
  EXPECT_EQ(call.at("system"), "mysql");
  EXPECT_EQ(call.at("target"), "orders");
  EXPECT_EQ(call.at("address"), "db1");
  EXPECT_EQ(call.at("operation"), "SELECT");
  EXPECT_EQ(call.at("collection"), "items");
  EXPECT_EQ(call.at("call_count"), 2);
  EXPECT_EQ(call.at("error_count"), 1);
  EXPECT_DOUBLE_EQ(call.at("total_ns").to_number<double>(), 40e6);
  EXPECT_DOUBLE_EQ(call.at("share_of_requests").to_number<double>(), 40.0 / 70);
  EXPECT_EQ(answer.at("is_complete"), true);
  ASSERT_EQ(answer.at("callers").as_array().size(), 1u);
  EXPECT_EQ(answer.at("callers").at(0).at("client"), "service:web");
  EXPECT_TRUE(answer.at("services").as_array().empty());
  EXPECT_EQ(calls("web", seconds_range(0, 10)).at("services").at(0).at("server"), "service:shop");
}

/// The filter of a call finds the spans that it counts, whatever the attributes say it by.
TEST_F(GraphTest, LeadsFromCallsToTheirSpans) {
  std::vector<TestSpan> spans = RandomTraces(9).spans(50, 60);
  const std::vector<Attributes> told = {
      {{"rpc.system", "grpc"},
       {"rpc.service", "shop.Orders"},
       {"rpc.method", "Get"},
       {"server.address", "::1"},
       {"server.port", "443"}},
      {{"rpc.system.name", "grpc"}, {"rpc.method", "shop.Orders/Get"}, {"peer.service", "orders"}},
      {{"rpc.system", "grpc"}, {"rpc.method", "Get"}},
      {{"http.method", "GET"}, {"http.url", "https://user:secret@example.org:8443/a?b=c"}},
      {{"http.request.method", "GET"}, {"url.template", "/a b/{id}"}, {"net.peer.name", "x'y"}},
      {{"db.system", "redis"}, {"net.peer.name", "cache"}, {"net.peer.port", "6379"}},
      {{"db.system.name", "mysql"}, {"db.query.summary", "SELECT items"}},
      {{"messaging.system", "aws_sqs"},
       {"messaging.destination", "q"},
       {"messaging.operation", "publish"}},
      {}};
  for (std::size_t i = 0; i < 100; ++i) {
    spans.push_back({.trace = 1000,
                     .id = static_cast<int>(100'000 + i),
                     .service = "a",
                     .kind = 3,
                     .attributes = told.at(i % told.size()),
                     .name = i % 2 == 0 ? "call it" : "op"});
  }
  store(spans);
  std::int64_t calls_of_all = 0;
  for (const char* const service : {"a", "b", "c", "d", "e"}) {
    const auto answer = calls(service, seconds_range(0, 200));
    for (const auto& call : answer.at("calls").as_array()) {
      const std::string filter(call.at("filter").as_string());
      EXPECT_EQ(filter.find("secret"), std::string::npos) << filter;
      TraceSearch search;
      search.range = seconds_range(0, 200);
      search.filter = parse_filter(filter);
      Session of_this_query = session();
      const auto traces = parse(search_traces(of_this_query, search));
      std::int64_t found = 0;
      for (const auto& bucket : traces.at("histogram").at("buckets").as_array()) {
        found += bucket.at("count").as_int64();
      }
      EXPECT_EQ(call.at("call_count"), found) << filter;
      calls_of_all += found;
    }
  }
  EXPECT_EQ(calls_of_all, std::count_if(spans.begin(), spans.end(), [](const TestSpan& span) {
              return span.kind == 3 || span.kind == 4;
            }));
}

TEST_F(GraphTest, KeepsTheCallsThatTookMostWithinTheLimit) {
  std::vector<TestSpan> spans;
  for (int i = 1; i <= 5; ++i) {
    spans.push_back({.trace = 1,
                     .id = i,
                     .parent = 99,
                     .service = "shop",
                     .kind = 3,
                     .duration_ns = i * 1'000'000,
                     .attributes = {{"db.system.name", "redis"}},
                     .name = "GET " + std::to_string(i)});
  }
  store(spans);

  const auto answer = calls("shop", seconds_range(0, 10), 2);

  ASSERT_EQ(answer.at("calls").as_array().size(), 2u);
  EXPECT_EQ(answer.at("calls").at(0).at("operation"), "GET 5");  // The span's name.
  EXPECT_EQ(answer.at("calls").at(1).at("operation"), "GET 4");
  EXPECT_EQ(answer.at("is_complete"), false);
  EXPECT_TRUE(answer.at("calls").at(0).at("share_of_requests").is_null());
}

}  // namespace
}  // namespace signalbox::server::query
