#include "server/store/engine/remote_engine.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <limits>
#include <mutex>
#include <optional>
#include <random>
#include <stdexcept>
#include <thread>
#include <utility>

#include "server/store/engine/error_text.h"
#include "server/store/engine/exception_trailer.h"
#include "server/store/engine/http_exchange.h"
#include "server/store/engine/insert_statement.h"
#include "server/store/engine/sql_guard.h"

namespace signalbox::server::store {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::chrono::seconds kLeaveAloneFor{5};
constexpr std::chrono::minutes kLongestDefinition{10};
constexpr std::chrono::hours kLongestStatement{24};
constexpr std::chrono::seconds kLongestKill{3};
constexpr int kKillAttempts = 20;
constexpr milliseconds kKillAgainAfter{50};
constexpr std::chrono::seconds kInsertMayOutlast{10};
constexpr int kMaxRounds = 3;
constexpr std::size_t kLongestError = 1 << 16;

std::string new_query_id() {
  static const std::string process = [] {
    std::random_device random;
    return "signalbox-" + std::to_string(random()) + std::to_string(random());
  }();
  static std::atomic<std::uint64_t> last{0};
  return process + "-" + std::to_string(++last);
}

/// The number that follows `"name":"` in the header X-ClickHouse-Summary; 0 if it is not there.
std::uint64_t summary_number(std::string_view summary, std::string_view name) {
  const std::string key = "\"" + std::string(name) + "\":\"";
  const std::size_t at = summary.find(key);
  std::uint64_t number = 0;
  if (at != std::string_view::npos) {
    std::from_chars(summary.data() + at + key.size(), summary.data() + summary.size(), number);
  }
  return number;
}

std::string_view header(const HttpAnswer& answer, const std::string& name) {
  const auto found = answer.headers.find(name);
  return found == answer.headers.end() ? std::string_view() : std::string_view(found->second);
}

[[noreturn]] void throw_exception(const HttpAnswer& answer, const std::string& text) {
  int code = clickhouse_error_code(text);
  const std::string_view number = header(answer, "x-clickhouse-exception-code");
  std::from_chars(number.data(), number.data() + number.size(), code);
  throw EngineError(code, text.empty()
                              ? "ClickHouse answered with status " + std::to_string(answer.status)
                              : explained(code, text));
}

/// A proxy's word that ClickHouse itself cannot be reached. It may have the request all the same:
/// proxies say so, too, when the connection to it broke, or it took long.
bool is_gateway_error(const HttpAnswer& answer) {
  return (answer.status == 502 || answer.status == 503 || answer.status == 504) &&
         header(answer, "x-clickhouse-exception-code").empty();
}

struct Endpoint {
  std::string url;
  std::atomic<Clock::rep> left_alone_until{std::numeric_limits<Clock::rep>::min()};

  [[nodiscard]] bool is_left_alone() const {
    return Clock::now().time_since_epoch().count() < left_alone_until;
  }
  void leave_alone() {
    left_alone_until = (Clock::now() + kLeaveAloneFor).time_since_epoch().count();
  }
};

/// HTTP clients of one class of work.
class ClientPool {
 public:
  ClientPool(const HttpSecurity& security, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) {
      free_.push_back(std::make_unique<HttpClient>(security));
    }
  }

  class Lease {
   public:
    Lease(ClientPool& pool, Clock::time_point deadline, const std::stop_token& stop)
        : pool_(pool), client_(pool.take(deadline, stop)) {}
    ~Lease() { pool_.give_back(std::move(client_)); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    HttpClient& operator*() { return *client_; }

   private:
    ClientPool& pool_;
    std::unique_ptr<HttpClient> client_;
  };

 private:
  std::unique_ptr<HttpClient> take(Clock::time_point deadline, const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    const bool in_time = freed_.wait_until(lock, stop, deadline, [&] { return !free_.empty(); });
    if (stop.stop_requested()) {
      throw EngineError(error_code::kQueryWasCancelled, "the statement was cancelled");
    }
    if (!in_time) {
      throw EngineError(error_code::kTooManySimultaneousQueries,
                        "the engine is busy with other statements; try again later");
    }
    std::unique_ptr<HttpClient> client = std::move(free_.back());
    free_.pop_back();
    return client;
  }

  void give_back(std::unique_ptr<HttpClient> client) {
    {
      const std::scoped_lock lock(mutex_);
      free_.push_back(std::move(client));
    }
    freed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable_any freed_;
  std::vector<std::unique_ptr<HttpClient>> free_;
};

/// A statement as it goes over the wire.
struct Statement {
  std::string url_query;  ///< Parameters and settings, "name=value&…"; without query_id.
  std::span<const std::string_view> body;
  Clock::time_point deadline;
  std::stop_token stop = {};
  bool may_repeat = false;
  /// If its outcome is not known, nothing is to be asked of the tables before it has ended.
  bool must_be_settled = false;
};

/// An insert whose outcome is not known, and which may still run.
struct UnsettledInsert {
  const Endpoint* endpoint;
  std::string query_id;
  Clock::time_point over_at;  // ClickHouse itself has ended it by then.
};

class UrlQuery {
 public:
  UrlQuery& add(std::string_view name, std::string_view value) {
    if (!text_.empty()) text_ += '&';
    text_.append(url_encoded(name)).append("=").append(url_encoded(value));
    return *this;
  }
  UrlQuery& add(std::string_view name, std::uint64_t value) {
    return add(name, std::string_view(std::to_string(value)));
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

}  // namespace

struct RemoteEngine::Implementation {
  explicit Implementation(const Options& options)
      : user(options.user),
        password(options.password),
        security{options.ca_file},
        definitions(security, 1),
        long_statements(security, 1),
        inserts(security, options.ingest_connections),
        ingest_reads(security, 1),
        interactive_reads(security, options.interactive_connections),
        background_reads(security, options.background_connections),
        kills(security, 1),
        endpoints(options.urls.size()) {
    if (options.urls.empty()) throw std::invalid_argument("no URL of a ClickHouse was given");
    for (std::size_t i = 0; i < endpoints.size(); ++i) {
      std::string url = options.urls[i];
      if (!url.starts_with("http://") && !url.starts_with("https://")) {
        throw std::invalid_argument("\"" + url +
                                    "\" is not the URL of a ClickHouse, such as "
                                    "https://clickhouse.example:8443");
      }
      while (url.ends_with('/')) url.pop_back();
      endpoints[i].url = std::move(url);
    }
  }

  ClientPool& reads(WorkClass work) {
    switch (work) {
      case WorkClass::kIngest:
        return ingest_reads;
      case WorkClass::kBackground:
        return background_reads;
      case WorkClass::kInteractive:
        break;
    }
    return interactive_reads;
  }

  [[nodiscard]] HttpRequest request_to(const Endpoint& endpoint, const Statement& statement,
                                       const std::string& query_id) const {
    HttpRequest request;
    request.url = endpoint.url + "/?query_id=" + query_id + "&" + statement.url_query;
    request.headers = {"Content-Type: application/octet-stream", "X-ClickHouse-User: " + user};
    if (!password.empty()) request.headers.push_back("X-ClickHouse-Key: " + password);
    request.body = statement.body;
    request.deadline = statement.deadline;
    request.stop = statement.stop;
    return request;
  }

  /// Runs `statement` on one endpoint after the other until one has answered.
  QueryResult run(ClientPool& pool, const Statement& statement, const ResultSink& sink) {
    ClientPool::Lease client(pool, statement.deadline, statement.stop);
    std::string error;
    for (int round = 0; round < kMaxRounds; ++round) {
      for (std::size_t i = 0; i < endpoints.size(); ++i) {
        const std::size_t at = (preferred + i) % endpoints.size();
        if (round == 0 && endpoints[at].is_left_alone()) continue;
        const auto result = try_on(endpoints[at], *client, statement, sink, error);
        if (!result) continue;
        preferred = at;
        return *result;
      }
    }
    throw EngineError(error_code::kNetworkError, "no ClickHouse can be reached: " + error);
  }

  /// Nothing if another endpoint should be tried; `error` says why.
  std::optional<QueryResult> try_on(Endpoint& endpoint, HttpClient& client,
                                    const Statement& statement, const ResultSink& sink,
                                    std::string& error) {
    const std::string query_id = new_query_id();
    HttpAnswer answer;
    std::string error_text;
    bool handed_on = false;
    std::optional<ExceptionTrailer> trailer;
    const auto pass_on = [&](std::string_view data) {
      handed_on = true;
      return sink(data);
    };
    try {
      client.exchange(request_to(endpoint, statement, query_id), answer,
                      [&](std::string_view data) {
                        if (answer.status != 200) {
                          error_text.append(data.substr(0, kLongestError - error_text.size()));
                          return true;
                        }
                        if (!trailer) {
                          trailer.emplace(header(answer, "x-clickhouse-exception-tag"), pass_on);
                        }
                        return trailer->write(data);
                      });
    } catch (...) {
      give_up(endpoint, statement, query_id, handed_on);
      throw;
    }
    if (trailer && !trailer->message().empty()) {
      throw EngineError(clickhouse_error_code(trailer->message()), trailer->message());
    }
    error = endpoint.url + ": " + answer.error;
    switch (answer.outcome) {
      case Outcome::kAnswered:
        if (is_gateway_error(answer)) {
          error = endpoint.url + ": status " + std::to_string(answer.status);
          endpoint.leave_alone();
          if (statement.may_repeat) return std::nullopt;
          give_up(endpoint, statement, query_id, handed_on);
          throw EngineError(error_code::kNetworkError, "a proxy gave up waiting: " + error);
        }
        if (answer.status != 200 || !header(answer, "x-clickhouse-exception-code").empty()) {
          throw_exception(answer, error_text);
        }
        if (trailer) trailer->finish();
        return statistics_of(answer);
      case Outcome::kDeclined:
        kill(endpoint, query_id, handed_on);
        return statistics_of(answer);
      case Outcome::kNotConnected:
        endpoint.leave_alone();
        return std::nullopt;
      case Outcome::kBroken:
        if (statement.may_repeat && !handed_on) return std::nullopt;
        remember_unsettled(endpoint, statement, query_id);
        throw EngineError(error_code::kNetworkError, "the connection broke: " + error);
      case Outcome::kLate:
        give_up(endpoint, statement, query_id, handed_on);
        throw EngineError(error_code::kTimeoutExceeded, "the statement took longer than it may");
      case Outcome::kStopped:
        break;
    }
    give_up(endpoint, statement, query_id, handed_on);
    throw EngineError(error_code::kQueryWasCancelled, "the statement was cancelled");
  }

  static QueryResult statistics_of(const HttpAnswer& answer) {
    const std::string_view summary = header(answer, "x-clickhouse-summary");
    QueryResult result;
    result.rows_read = summary_number(summary, "read_rows");
    result.bytes_read = summary_number(summary, "read_bytes");
    result.elapsed_s = static_cast<double>(summary_number(summary, "elapsed_ns")) / 1e9;
    return result;
  }

  /// Nobody waits for the end of `statement` any more.
  void give_up(const Endpoint& endpoint, const Statement& statement, const std::string& query_id,
               bool has_begun) {
    if (statement.must_be_settled) {
      remember_unsettled(endpoint, statement, query_id);
    } else {
      kill(endpoint, query_id, has_begun);
    }
  }

  /// Ends a statement for whose end nobody waits. Unless it `has_begun`, this is tried for a while.
  /// Failures are of no consequence but for the other side's work.
  void kill(const Endpoint& endpoint, const std::string& query_id, bool has_begun) noexcept {
    try {
      const auto deadline = Clock::now() + kLongestKill;
      ClientPool::Lease client(kills, deadline, {});
      for (int attempt = 0; attempt < (has_begun ? 1 : kKillAttempts); ++attempt) {
        if (kill_once(*client, endpoint, query_id, "ASYNC", deadline) != Found::kNo) return;
        if (Clock::now() + kKillAgainAfter > deadline) return;
        std::this_thread::sleep_for(kKillAgainAfter);
      }
    } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): see above.
    }
  }

  enum class Found : std::uint8_t { kNo, kYes, kNotKnown };

  /// Ends a statement if it runs, and says whether it did. SYNC waits for its end.
  Found kill_once(HttpClient& client, const Endpoint& endpoint, const std::string& query_id,
                  std::string_view how, Clock::time_point deadline) {
    const std::string sql =
        "KILL QUERY WHERE query_id = {id:String} " + std::string(how) + " FORMAT TabSeparated";
    const std::string_view body = sql;
    const Statement statement{.url_query = UrlQuery().add("param_id", query_id).take(),
                              .body = std::span(&body, 1),
                              .deadline = deadline};
    bool found = false;
    HttpAnswer answer;
    client.exchange(request_to(endpoint, statement, new_query_id()), answer,
                    [&](std::string_view data) {
                      found = found || !data.empty();
                      return true;
                    });
    if (answer.outcome != Outcome::kAnswered || answer.status != 200) return Found::kNotKnown;
    return found ? Found::kYes : Found::kNo;
  }

  void remember_unsettled(const Endpoint& endpoint, const Statement& statement,
                          const std::string& query_id) {
    if (!statement.must_be_settled) return;
    const auto over_at = std::max(statement.deadline, Clock::now()) + kInsertMayOutlast;
    const std::scoped_lock lock(unsettled_mutex);
    unsettled.push_back({&endpoint, query_id, over_at});
  }

  /// Returns when no insert whose outcome is not known runs any more: only then does a table's
  /// answer to what it has hold good. Errors: kNetworkError if that is not certain yet.
  void settle() {
    const std::scoped_lock lock(unsettled_mutex);
    std::erase_if(unsettled, [&](const UnsettledInsert& insert) {
      return Clock::now() >= insert.over_at || has_ended(insert);
    });
    if (unsettled.empty()) return;
    throw EngineError(error_code::kNetworkError,
                      "an insert whose outcome is not known may still run");
  }

  /// Ends `insert` if it runs. What is not found may not have begun, and is looked for for a while.
  bool has_ended(const UnsettledInsert& insert) {
    const auto deadline = Clock::now() + kLongestKill;
    ClientPool::Lease client(kills, deadline, {});
    bool was_found = false;
    for (int attempt = 0; attempt < kKillAttempts; ++attempt) {
      const Found found = kill_once(*client, *insert.endpoint, insert.query_id, "SYNC", deadline);
      if (found == Found::kNotKnown) return false;
      if (found == Found::kNo && was_found) return true;
      was_found = was_found || found == Found::kYes;
      std::this_thread::sleep_for(kKillAgainAfter);
    }
    return !was_found;
  }

  std::string user;
  std::string password;
  HttpSecurity security;
  ClientPool definitions;
  ClientPool long_statements;
  ClientPool inserts;
  ClientPool ingest_reads;
  ClientPool interactive_reads;
  ClientPool background_reads;
  ClientPool kills;
  std::vector<Endpoint> endpoints;
  std::atomic<std::size_t> preferred{0};
  std::mutex unsettled_mutex;
  std::vector<UnsettledInsert> unsettled;
};

RemoteEngine::RemoteEngine(const Options& options)
    : implementation_(std::make_unique<Implementation>(options)) {
  const std::string_view sql = "CREATE DATABASE IF NOT EXISTS signalbox";
  implementation_->run(implementation_->definitions,
                       {.url_query = UrlQuery().add("database", "default").take(),
                        .body = std::span(&sql, 1),
                        .deadline = Clock::now() + kLongestDefinition,
                        .may_repeat = true},
                       [](std::string_view) { return true; });
}

RemoteEngine::~RemoteEngine() = default;

void RemoteEngine::execute(const std::string& sql) {
  const std::string_view body = sql;
  implementation_->run(
      implementation_->definitions,
      {.url_query = UrlQuery().add("database", "signalbox").add("wait_end_of_query", "1").take(),
       .body = std::span(&body, 1),
       .deadline = Clock::now() + kLongestDefinition},
      [](std::string_view) { return true; });
}

void RemoteEngine::execute_long(const std::string& sql, std::string_view /*table*/,
                                const std::stop_token& stop) {
  const std::string_view body = sql;
  implementation_->run(
      implementation_->long_statements,
      {.url_query = UrlQuery().add("database", "signalbox").add("wait_end_of_query", "1").take(),
       .body = std::span(&body, 1),
       .deadline = Clock::now() + kLongestStatement,
       .stop = stop},
      [](std::string_view) { return true; });
}

namespace {

UrlQuery query_settings(const std::vector<Parameter>& parameters, const QueryOptions& options) {
  UrlQuery query;
  query.add("database", "signalbox")
      .add("readonly", 1)
      .add("max_execution_time", options.max_execution_time_ms / 1000 + 1)
      .add("timeout_overflow_mode", "throw")
      .add("max_memory_usage", options.max_memory_bytes)
      .add("max_result_rows", options.max_result_rows)
      .add("result_overflow_mode", "throw")
      .add("cancel_http_readonly_queries_on_client_close", 1)
      .add("http_write_exception_in_output_format", std::uint64_t{0});
  for (const Parameter& parameter : parameters) {
    query.add("param_" + parameter.name, parameter.value);
  }
  return query;
}

void refuse_files(const std::string& sql) {
  if (may_reach_files(sql)) {
    throw EngineError(error_code::kAccessDenied,
                      "the words `file` and `outfile` are not allowed in a query");
  }
}

}  // namespace

QueryResult RemoteEngine::query(const std::string& sql, const std::vector<Parameter>& parameters,
                                const QueryOptions& options) {
  refuse_files(sql);
  if (options.work == WorkClass::kIngest) implementation_->settle();
  const std::string_view body = sql;
  std::string data;
  QueryResult result = implementation_->run(
      implementation_->reads(options.work),
      // What has been read is known in the headers only at the end.
      {.url_query = query_settings(parameters, options).add("wait_end_of_query", 1).take(),
       .body = std::span(&body, 1),
       .deadline = Clock::now() + milliseconds(options.max_execution_time_ms),
       .stop = options.stop,
       .may_repeat = true},
      [&](std::string_view piece) {
        data += piece;
        return true;
      });
  result.data = std::move(data);
  return result;
}

QueryResult RemoteEngine::query_stream(const std::string& sql,
                                       const std::vector<Parameter>& parameters,
                                       const QueryOptions& options, const ResultSink& sink) {
  refuse_files(sql);
  const std::string_view body = sql;
  return implementation_->run(
      implementation_->reads(options.work),
      {.url_query = query_settings(parameters, options).take(),
       .body = std::span(&body, 1),
       .deadline = Clock::now() + milliseconds(options.max_execution_time_ms),
       .stop = options.stop,
       .may_repeat = true},
      sink);
}

void RemoteEngine::insert_native(std::string_view table, std::span<const std::string_view> pieces,
                                 const InsertOptions& options) {
  const std::string statement = insert_statement(table, options) + " FORMAT Native";
  // What has a token is stored once however often it comes.
  const bool has_token = !options.deduplication_token.empty();
  if (!has_token) implementation_->settle();
  implementation_->run(
      implementation_->inserts,
      {.url_query = UrlQuery()
                        .add("database", "signalbox")
                        .add("query", statement)
                        .add("async_insert", std::uint64_t{0})
                        .add("max_partitions_per_insert_block", std::uint64_t{0})
                        .add("min_insert_block_size_rows", std::uint64_t{0})
                        .add("min_insert_block_size_bytes", std::uint64_t{0})
                        .add("input_format_parallel_parsing", std::uint64_t{0})
                        .add("wait_end_of_query", 1)
                        .add("max_execution_time", options.max_execution_time_ms / 1000 + 1)
                        .take(),
       .body = pieces,
       .deadline = Clock::now() + milliseconds(options.max_execution_time_ms),
       .may_repeat = has_token,
       .must_be_settled = !has_token},
      [](std::string_view) { return true; });
}

}  // namespace signalbox::server::store
