#include "server/api/api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <fstream>
#include <functional>
#include <future>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "server/api/hosts.h"
#include "server/api/target.h"
#include "server/query/plan/error.h"
#include "server/store/engine/temporary_folder.h"

namespace signalbox::server::api {
namespace {

using ::testing::HasSubstr;

/// Answers every query by no rows, or as it is told.
class FakeEngine final : public store::Engine {
 public:
  void execute(const std::string& /*sql*/) override {}
  store::QueryResult query(const std::string& sql, const std::vector<store::Parameter>& parameters,
                           const store::QueryOptions& options) override {
    {
      const std::scoped_lock lock(mutex);
      statements.push_back(sql);
      last_parameters = parameters;
      last_options = options;
    }
    return on_query ? on_query() : store::QueryResult{};
  }
  void insert_native(std::string_view /*table*/, std::span<const std::string_view> /*pieces*/,
                     const store::InsertOptions& /*options*/) override {}

  std::function<store::QueryResult()> on_query;
  std::mutex mutex;
  std::vector<std::string> statements;
  std::vector<store::Parameter> last_parameters;
  store::QueryOptions last_options;
};

class RecordingExchange final : public net::Responder::Exchange {
 public:
  void respond(net::Response response) noexcept override { promise.set_value(std::move(response)); }
  [[nodiscard]] bool abandoned() const noexcept override { return is_abandoned; }

  std::promise<net::Response> promise;
  std::atomic<bool> is_abandoned = false;
};

class ApiTest : public ::testing::Test {
 protected:
  ApiTest() {
    std::filesystem::create_directories(web_.path() / "assets");
    write("index.html", "<!doctype html>");
    write("assets/app-1a2b.js", "run();");
    write("favicon.svg", "<svg/>");
  }

  void write(const std::string& name, const std::string& content) {
    std::ofstream(web_.path() / name) << content;
  }

  static net::Response send(Api& api, const std::string& method, const std::string& target,
                            const std::string& body, const std::string& type = "application/json") {
    auto exchange = std::make_shared<RecordingExchange>();
    auto future = exchange->promise.get_future();
    net::Request request;
    request.method = method;
    request.target = target;
    request.headers = {{"host", "localhost"}, {"content-type", type}};
    request.body = body;
    api.handler()(std::move(request), net::Responder(std::move(exchange)));
    return future.get();
  }

  std::future<net::Response> start(Api& api, const std::string& target,
                                   const std::string& method = "GET",
                                   const std::string& host = "localhost:8080",
                                   bool is_abandoned = false, const std::string& etag = "") {
    auto exchange = std::make_shared<RecordingExchange>();
    exchange->is_abandoned = is_abandoned;
    auto future = exchange->promise.get_future();
    net::Request request;
    request.method = method;
    request.target = target;
    request.headers.add("host", host);
    if (!etag.empty()) request.headers.add("if-none-match", etag);
    api.handler()(std::move(request), net::Responder(std::move(exchange)));
    return future;
  }
  net::Response get(const std::string& target, const std::string& method = "GET",
                    const std::string& host = "localhost:8080") {
    Api api({.engine = engine_, .web_root = web_.path()});
    return start(api, target, method, host).get();
  }

  store::TemporaryFolder web_;
  FakeEngine engine_;
};

TEST(ApiRefusal, IsAnErrorLikeTheOthers) {
  const net::RefusalResponse refusal = Api::refusal();
  const auto status = [&](net::Refusal why) {
    const net::Response response = refusal({}, why);
    EXPECT_THAT(response.body, HasSubstr("\"code\":"));
    EXPECT_EQ(response.headers.get("x-content-type-options"), "nosniff");
    EXPECT_EQ(response.headers.get("retry-after"), response.status == 503 ? "1" : "");
    return response.status;
  };
  EXPECT_EQ(status(net::Refusal::kHeadTooLarge), 431u);
  EXPECT_EQ(status(net::Refusal::kBodyTooLarge), 413u);
  EXPECT_EQ(status(net::Refusal::kOverloaded), 503u);
}

TEST_F(ApiTest, AnswersAnEmptyDatabase) {
  const net::Response response = get("/api/v1/services");

  EXPECT_EQ(response.status, 200u);
  EXPECT_EQ(response.headers.get("content-type"), "application/json");
  EXPECT_EQ(response.headers.get("cache-control"), "no-store");
  EXPECT_THAT(response.body, HasSubstr("\"services\":[]"));
  EXPECT_THAT(response.body, HasSubstr("\"stats\":{\"rows_read\":\"0\""));
}

TEST_F(ApiTest, TellsOfEachCallWithItsRouteAndCost) {
  std::mutex mutex;
  std::vector<ApiCall> calls;
  Api::Options options{.engine = engine_, .web_root = web_.path()};
  options.on_call = [&](const ApiCall& call) {
    const std::scoped_lock lock(mutex);
    calls.push_back(call);
  };
  engine_.on_query = [] {
    store::QueryResult result;
    result.rows_read = 7;
    return result;
  };
  {
    Api api(std::move(options));
    for (const char* target : {"/api/v1/services?start=1&end=2", "/api/v1/traces/xyz",
                               "/api/v1/nothing", "/favicon.svg"}) {
      start(api, target).get();
    }
  }
  ASSERT_EQ(calls.size(), 3U) << "files are no calls";
  EXPECT_EQ(calls[0].route, "/api/v1/services");
  EXPECT_EQ(calls[0].target, "/api/v1/services?start=1&end=2");
  EXPECT_EQ(calls[0].status, 200U);
  EXPECT_GE(calls[0].rows_read, 7U);
  EXPECT_EQ(calls[0].error, "");
  EXPECT_EQ(calls[1].route, "/api/v1/traces/{trace_id}");
  EXPECT_EQ(calls[1].status, 400U);
  EXPECT_THAT(calls[1].error, HasSubstr("trace_id"));
  EXPECT_EQ(calls[2].route, "");
  EXPECT_EQ(calls[2].status, 404U);
}

TEST_F(ApiTest, AnswersAnAggregateQuery) {
  Api api({.engine = engine_, .web_root = web_.path()});
  const std::string target = "/api/v1/query";
  const std::string query =
      R"({"queries": {"a": {"signal": "traces", "aggregations": [{"op": "count"}],)"
      R"( "group_by": ["name"]}}})";

  const net::Response answered = send(api, "POST", target, query);
  EXPECT_EQ(answered.status, 200U) << answered.body;
  EXPECT_THAT(answered.body, HasSubstr(R"("results":{"a":{"group_by":["name"])"));
  EXPECT_THAT(engine_.statements.at(0), HasSubstr("GROUP BY g0"));

  const net::Response refused = send(api, "POST", target, R"({"queries": {"a": {}}})");
  EXPECT_EQ(refused.status, 400U);
  EXPECT_THAT(refused.body, HasSubstr(R"("parameter":"queries.a.signal")"));
  EXPECT_EQ(send(api, "POST", target, query, "text/plain").status, 400U);
  const net::Response got = start(api, target).get();
  EXPECT_EQ(got.status, 405U);
  EXPECT_EQ(got.headers.get("allow"), "POST");
}

TEST_F(ApiTest, ShowsAndChangesTheRetention) {
  retention::Settings settings(web_.path(), {});
  Api::Options options{.engine = engine_, .web_root = web_.path()};
  options.retention = &settings;
  Api api(std::move(options));
  const auto put = [&](const std::string& body, const std::string& type = "application/json") {
    return send(api, "PUT", "/api/v1/settings/retention", body, type);
  };

  EXPECT_THAT(start(api, "/api/v1/settings/retention").get().body, HasSubstr(R"("logs":"15d")"));
  const net::Response changed = put(R"({"logs":"3d"})");
  EXPECT_EQ(changed.status, 200u);
  EXPECT_THAT(changed.body, HasSubstr(R"("logs":"3d")"));
  EXPECT_EQ(settings.policy().of(retention::Signal::kLogs), std::chrono::hours(72));

  const net::Response refused = put(R"({"logs":"soon"})");
  EXPECT_EQ(refused.status, 400u);
  EXPECT_THAT(refused.body, HasSubstr(R"("parameter":"logs")"));
  EXPECT_EQ(put("{}", "text/plain").status, 400u);
  EXPECT_EQ(start(api, "/api/v1/settings/retention", "DELETE").get().status, 405u);
  EXPECT_EQ(get("/api/v1/settings/retention").status, 404u) << "without settings";
}

TEST_F(ApiTest, NamesTheParameterThatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"/api/v1/services?start=yesterday", "start"},
      {"/api/v1/services?start=-1", "start"},
      {"/api/v1/services?start=99999999999999999999", "start"},
      {"/api/v1/services?start=5&end=5", "start"},
      {"/api/v1/services?strat=5", "strat"},
      {"/api/v1/service", "name"},
      {"/api/v1/traces?limit=0", "limit"},
      {"/api/v1/traces?limit=1001", "limit"},
      {"/api/v1/traces?limit=1&limit=2", "limit"},
      {"/api/v1/traces?order=random", "order"},
      {"/api/v1/traces?include=everything", "include"},
      {"/api/v1/traces?q=a%20%3D", "q"},
      {"/api/v1/traces?cursor=x", "cursor"},
      {"/api/v1/traces/xyz", "trace_id"},
      {"/api/v1/logs?trace_id=12", "trace_id"},
      {"/api/v1/logs?span_id=12", "span_id"},
      {"/api/v1/logs?severity_min=25", "severity_min"},
      {"/api/v1/metrics/query", "name"},
      {"/api/v1/metrics/query?name=m&aggregation=p101", "aggregation"},
      {"/api/v1/metrics/query?name=m&type=meter", "type"},
      {"/api/v1/fields", "signal"},
      {"/api/v1/fields?signal=smoke", "signal"},
      {"/api/v1/field_values?signal=logs", "field"},
      {"/api/v1/complete?q=a", "signal"},
      {"/api/v1/complete?signal=logs&q=abc&position=4", "position"},
      {"/api/v1/complete?signal=logs&limit=101", "limit"},
  };
  for (const auto& [target, parameter] : cases) {
    const net::Response response = get(target);
    EXPECT_EQ(response.status, 400u) << target;
    EXPECT_THAT(response.body, HasSubstr("\"code\":\"invalid_argument\"")) << target;
    EXPECT_THAT(response.body, HasSubstr(std::string("\"parameter\":\"") + parameter + "\""))
        << target;
  }
}

TEST_F(ApiTest, CompletesAFilterThatIsWrongSoFar) {
  const net::Response response =
      get("/api/v1/complete?signal=traces&q=a+%3D+1+AND+durx&position=13");

  EXPECT_EQ(response.status, 200u) << response.body;
  EXPECT_THAT(response.body, HasSubstr(R"("replace":{"start":10,"end":14})"));
  EXPECT_THAT(response.body, HasSubstr(R"({"text":"duration","kind":"field","detail":)"));
}

TEST_F(ApiTest, RefusesToCompleteAFilterThatIsTooLong) {
  const net::Response response = get("/api/v1/complete?signal=traces&q=" + std::string(8193, 'a'));

  EXPECT_EQ(response.status, 400u);
  EXPECT_THAT(response.body, HasSubstr("too long"));
}

TEST_F(ApiTest, SaysWhereAFilterIsWrong) {
  const net::Response response = get("/api/v1/traces?q=kind+%3D+sideways");

  EXPECT_EQ(response.status, 400u);
  EXPECT_THAT(response.body, HasSubstr("\"position\":7"));
  EXPECT_THAT(response.body, HasSubstr("\"hint\":"));
}

TEST_F(ApiTest, PassesValuesAsParameters) {
  EXPECT_EQ(get("/api/v1/service?name=it%27s&start=1&end=2").status, 404u);

  EXPECT_EQ(engine_.last_parameters.at(0).value, "it's");
  for (const std::string& sql : engine_.statements) {
    EXPECT_EQ(sql.find("it's"), std::string::npos) << sql;
  }
}

TEST_F(ApiTest, TakesAnEmptyNameForTheServiceWithoutOne) {
  const auto is_asked_for = [&](const std::string& target) {
    engine_.statements.clear();
    EXPECT_NE(get(target).status, 400u) << target;
    return std::any_of(
        engine_.statements.begin(), engine_.statements.end(),
        [](const std::string& sql) { return sql.find("service_name =") != std::string::npos; });
  };

  EXPECT_TRUE(is_asked_for("/api/v1/service?name="));
  for (const std::string path : {"/api/v1/traces", "/api/v1/logs", "/api/v1/metrics"}) {
    EXPECT_TRUE(is_asked_for(path + "?service=")) << path;
    EXPECT_FALSE(is_asked_for(path)) << path;
  }
}

TEST_F(ApiTest, AnswersUnknownPathsMethodsAndHosts) {
  EXPECT_EQ(get("/api/v1/nothing").status, 404u);
  EXPECT_EQ(get("/api/").status, 404u);
  EXPECT_EQ(get("/api/v1/traces/" + std::string(32, 'a') + "/more").status, 404u);
  EXPECT_EQ(get("/api/v1/services/").status, 404u) << "a path has one spelling";
  const net::Response post = get("/api/v1/services", "POST");
  EXPECT_EQ(post.status, 405u);
  EXPECT_EQ(post.headers.get("allow"), "GET, HEAD");
  EXPECT_THAT(get("/v1/traces", "POST").content(), HasSubstr("send OTLP over HTTP to port "));
  EXPECT_EQ(get("/api/v1/services", "GET", "evil.example").status, 403u);
  EXPECT_EQ(get("/", "GET", "evil.example").status, 403u);
  EXPECT_EQ(get("/api/v1/services?a=%zz").status, 400u);
  EXPECT_EQ(get("/%00").status, 400u);
}

TEST_F(ApiTest, MapsTheEnginesErrors) {
  struct Case {
    int code;
    std::string message;
    unsigned status;
    bool has_hint;
  };
  const Case cases[] = {{159, "it failed", 504, true},
                        {241, "Query memory limit exceeded: would use 1.00 GiB", 422, true},
                        {241, "(total) memory limit exceeded: would use 1.00 GiB", 503, false},
                        {396, "it failed", 422, true},
                        {202, "it failed", 503, false},
                        {210, "it failed", 503, false},
                        {62, "it failed", 500, false}};
  for (const Case& of : cases) {
    engine_.on_query = [&]() -> store::QueryResult {
      throw store::EngineError(of.code, of.message);
    };
    const net::Response response = get("/api/v1/status");
    EXPECT_EQ(response.status, of.status) << of.code;
    EXPECT_EQ(response.headers.get("retry-after"), of.status == 503 ? "1" : "") << of.code;
    EXPECT_EQ(response.body.find("\"hint\":") != std::string::npos, of.has_hint) << of.code;
  }
}

TEST_F(ApiTest, AnswersAnEngineThatBreaksOff) {
  engine_.on_query = [] { return store::QueryResult{.data = "\x05garbage"}; };

  EXPECT_EQ(get("/api/v1/status").status, 500u);
}

TEST_F(ApiTest, GivesEveryQueryTheTimeThatIsLeft) {
  Api api({.engine = engine_,
           .web_root = web_.path(),
           .request_deadline = std::chrono::milliseconds(5000)});
  EXPECT_EQ(start(api, "/api/v1/status").get().status, 200u);

  EXPECT_GT(engine_.last_options.max_execution_time_ms, 0u);
  EXPECT_LE(engine_.last_options.max_execution_time_ms, 5000u);
}

TEST_F(ApiTest, RefusesMoreThanMayWait) {
  std::promise<void> go;
  std::shared_future<void> may_go = go.get_future().share();
  std::promise<void> entered;
  engine_.on_query = [&, first = std::make_shared<std::once_flag>()] {
    std::call_once(*first, [&] { entered.set_value(); });
    may_go.wait();
    return store::QueryResult{};
  };
  Api api(
      {.engine = engine_, .web_root = web_.path(), .worker_threads = 1, .max_queued_requests = 1});
  auto running = start(api, "/api/v1/status");
  entered.get_future().wait();
  auto waiting = start(api, "/api/v1/status");

  const net::Response refused = start(api, "/api/v1/status").get();
  const net::Response page = start(api, "/").get();
  go.set_value();

  EXPECT_EQ(refused.status, 503u);
  EXPECT_EQ(refused.headers.get("retry-after"), "1");
  EXPECT_EQ(page.status, 200u);
  EXPECT_EQ(running.get().status, 200u);
  EXPECT_EQ(waiting.get().status, 200u);
}

TEST_F(ApiTest, LetsNoneWaitForALongStatement) {
  std::promise<void> go;
  const std::shared_future<void> may_go(go.get_future());
  std::promise<void> entered;
  engine_.on_query = [&, first = std::make_shared<std::once_flag>()] {
    bool is_first = false;
    std::call_once(*first, [&] { is_first = true; });
    if (is_first) {
      entered.set_value();
      may_go.wait();
    }
    return store::QueryResult{};
  };
  Api api({.engine = engine_, .web_root = web_.path(), .worker_threads = 1});
  auto statement = std::async(std::launch::async, [&] {
    return send(api, "POST", "/api/v1/sql", R"({"sql": "SELECT 1"})", "application/json");
  });
  entered.get_future().wait();

  EXPECT_EQ(start(api, "/api/v1/status").get().status, 200u);

  go.set_value();
  EXPECT_EQ(statement.get().status, 500u) << "the engine answers no syntax tree";
}

TEST_F(ApiTest, DoesNoWorkForAClientThatHasGone) {
  Api api({.engine = engine_, .web_root = web_.path()});

  EXPECT_EQ(start(api, "/api/v1/status", "GET", "localhost", true).get().status, 503u);
  EXPECT_TRUE(engine_.statements.empty());
}

TEST_F(ApiTest, ServesTheWebInterface) {
  const net::Response index = get("/");
  EXPECT_EQ(index.content(), "<!doctype html>");
  EXPECT_EQ(index.headers.get("content-type"), "text/html; charset=utf-8");
  EXPECT_EQ(index.headers.get("cache-control"), "no-cache");
  EXPECT_THAT(std::string(index.headers.get("content-security-policy")),
              HasSubstr("script-src 'self';"));
  EXPECT_EQ(index.headers.get("x-content-type-options"), "nosniff");

  const net::Response script = get("/assets/app-1a2b.js?v=1");
  EXPECT_EQ(script.content(), "run();");
  EXPECT_EQ(script.headers.get("content-type"), "text/javascript; charset=utf-8");
  EXPECT_EQ(script.headers.get("cache-control"), "public, max-age=31536000, immutable");

  EXPECT_EQ(get("/traces/0102").content(), "<!doctype html>");
  EXPECT_EQ(get("/assets/absent.js").status, 404u);
}

TEST_F(ApiTest, AnswersThatAFileIsUnchanged) {
  Api api({.engine = engine_, .web_root = web_.path()});
  const std::string etag(start(api, "/favicon.svg").get().headers.get("etag"));

  const net::Response again = start(api, "/favicon.svg", "GET", "localhost", false, etag).get();

  EXPECT_EQ(again.status, 304u);
  EXPECT_TRUE(again.content().empty());
}

TEST_F(ApiTest, ServesNothingOutsideTheWebFolder) {
  store::TemporaryFolder outside;
  std::ofstream(outside.path() / "secret.txt") << "secret";
  const std::string name = outside.path().filename().string();
  for (const std::string& path :
       {"/../" + name + "/secret.txt", "/assets/../../" + name + "/secret.txt",
        "/%2e%2e/" + name + "/secret.txt", "/..%2f" + name + "%2fsecret.txt",
        "//" + outside.path().string() + "/secret.txt", std::string("/..\\secret.txt")}) {
    const net::Response response = get(path);
    EXPECT_EQ(response.status, 404u) << path;
    EXPECT_EQ(response.content().find("secret\n"), std::string::npos);
  }
}

TEST_F(ApiTest, SaysWhereTheWebInterfaceShouldBe) {
  Api api({.engine = engine_, .web_root = web_.path() / "absent"});

  const net::Response response = start(api, "/").get();

  EXPECT_EQ(response.status, 404u);
  EXPECT_THAT(response.body, HasSubstr("--web-root"));
}

TEST_F(ApiTest, ServesItsOwnDescription) {
  const net::Response response = get("/api/v1/openapi.yaml");

  EXPECT_EQ(response.status, 200u);
  EXPECT_THAT(response.body, HasSubstr("openapi: 3.1.0"));
}

TEST(Hosts, AreAddressesLocalhostOrAllowed) {
  for (const char* host : {"127.0.0.1", "127.0.0.1:8080", "[::1]:8080", "localhost", "LOCALHOST:1",
                           "a.localhost", "192.168.1.5:80", "box.lan", "Box.LAN:8080"}) {
    EXPECT_TRUE(is_allowed_host(host, {"box.lan"})) << host;
  }
  for (const char* host : {"", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example",
                           "[evil.example", "1.2.3", "xlocalhost"}) {
    EXPECT_FALSE(is_allowed_host(host, {"box.lan"})) << host;
  }
  EXPECT_TRUE(is_allowed_host("any.example", {"*"}));
}

TEST(Target, SaysWhatIsWrongWithAnAddress) {
  const auto error = [](const std::string& target) -> std::string {
    try {
      Target::parse(target);
      return "none";
    } catch (const query::QueryError& thrown) {
      return thrown.what();
    }
  };
  EXPECT_THAT(error("/api/v1/logs?q=100%"), HasSubstr("write % as %25"));
  EXPECT_THAT(error("/api/v1/logs?q=a%00b"), HasSubstr("NUL (%00)"));
}

TEST(Target, DecodesPathAndParameters) {
  Target target = Target::parse("/a%20b/c?x=1%262&y=a+b&z&&w=%C3%A9#frag");

  EXPECT_EQ(target.path(), "/a b/c");
  EXPECT_EQ(target.text("x"), "1&2");
  EXPECT_EQ(target.text("y"), "a b");
  EXPECT_EQ(target.text("z"), "");
  EXPECT_EQ(target.text("w"), "é");
  EXPECT_NO_THROW(target.refuse_others());
  EXPECT_FALSE(percent_decode("%4", false));
  EXPECT_FALSE(percent_decode("%", false));
  EXPECT_FALSE(percent_decode("%g0", false));
}

TEST(Target, DefaultsToTheLastQuarterOfAnHour) {
  constexpr std::int64_t kNow = 10'000'000'000'000;
  EXPECT_EQ(Target::parse("/").range(kNow).end_ns, kNow);
  EXPECT_EQ(Target::parse("/").range(kNow).start_ns, kNow - 900'000'000'000);
  EXPECT_EQ(Target::parse("/?start=5").range(kNow).end_ns, kNow);
  EXPECT_EQ(Target::parse("/?end=5").range(kNow).start_ns, 0);
}

}  // namespace
}  // namespace signalbox::server::api
