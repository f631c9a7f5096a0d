#include "server/query/plan/session.h"

#include <string_view>
#include <utility>

#include "server/query/plan/error.h"
#include "server/query/plan/rows.h"

namespace signalbox::server::query {
namespace {

namespace error_code = store::error_code;

constexpr int kTooSlow = 160;
/// Of a statement that finds that its tables have changed since it began.
constexpr int kMostTries = 5;

QueryError unwanted() {
  return {ErrorCode::kUnavailable, "Nobody waits for the answer any more."};
}

/// An error that a query which asks for less does not meet.
QueryError beyond_limits(ErrorCode code, const std::string& message) {
  QueryError error(code, message);
  error.hint = "Choose a shorter time range, a narrower filter or fewer groups.";
  return error;
}

/// Whether the engine as a whole had no memory left, which is not up to the query.
bool is_of_whole_engine(const store::EngineError& error) {
  return std::string_view(error.what()).find("(total)") != std::string_view::npos;
}

QueryError to_query_error(const store::EngineError& error) {
  switch (error.code()) {
    case error_code::kTimeoutExceeded:
    case kTooSlow:
      return beyond_limits(ErrorCode::kDeadlineExceeded, "The query took too long.");
    case error_code::kMemoryLimitExceeded:
      if (is_of_whole_engine(error)) {
        return {ErrorCode::kUnavailable,
                "The server has no memory left for the query just now. Try again in a moment."};
      }
      return beyond_limits(ErrorCode::kResourceExhausted,
                           "The query needs more memory than one query may take.");
    case error_code::kTooManyRowsOrBytes:
      return beyond_limits(ErrorCode::kResourceExhausted, "The result is too large.");
    case error_code::kThrownByStatement:
      return {ErrorCode::kUnavailable,
              "The tables changed again and again while they were read. Try again in a moment."};
    case error_code::kTooManySimultaneousQueries:
      return {ErrorCode::kUnavailable,
              "The server is busy with other queries. Try again in a moment."};
    case error_code::kNetworkError:
      return {ErrorCode::kUnavailable, "The storage engine cannot be reached. Try again later."};
    default:
      return {ErrorCode::kInternal, std::string("The storage engine failed: ") + error.what()};
  }
}

/// What the engine says of a client's statement, without what is of no use to who wrote it: error
/// codes, and all that could stand at a place.
std::string without_internals(std::string_view message) {
  constexpr std::string_view kBefore = "DB::Exception: ";
  if (const std::size_t at = message.find(kBefore); at != std::string_view::npos) {
    message.remove_prefix(at + kBefore.size());
  }
  for (const std::string_view behind : {". Expected one of: ", ". Stack trace:", " (version "}) {
    message = message.substr(0, message.find(behind));
  }
  return std::string(message);
}

/// `sql` such that it reads `sources` under the names of their tables.
std::string with_sources(const std::string& sql, const store::FirstTables::Sources& sources) {
  std::string with;
  for (const auto& [table, source] : sources) {
    if (sql.find(table) != std::string::npos) with += (with.empty() ? "WITH " : ",\n") + source;
  }
  if (with.empty()) return sql;
  constexpr std::string_view kWith = "WITH ";
  return sql.starts_with(kWith) ? with + ",\n" + sql.substr(kWith.size()) : with + "\n" + sql;
}

}  // namespace

Session::Session(store::Engine& engine, Clock::time_point deadline, std::stop_token stop,
                 const store::FirstTables* first_tables)
    : engine_(engine),
      started_(Clock::now()),
      deadline_(deadline),
      stop_(std::move(stop)),
      first_tables_(first_tables) {}

store::QueryOptions Session::options() const {
  if (stop_.stop_requested()) throw unwanted();
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - Clock::now()).count();
  if (left <= 0) {
    throw beyond_limits(ErrorCode::kDeadlineExceeded, "The request took too long.");
  }
  store::QueryOptions options;
  options.max_execution_time_ms = static_cast<std::uint32_t>(left);
  options.stop = stop_;
  return options;
}

template <typename Ask>
store::QueryResult Session::ask_tables(const std::string& sql, Ask&& ask) {
  for (int tries = 1;; ++tries) {
    const store::QueryOptions options = this->options();
    // Held while the statement runs.
    const auto sources = first_tables_ == nullptr ? nullptr : first_tables_->sources();
    const std::string text = sources == nullptr ? sql : with_sources(sql, *sources);
    try {
      store::QueryResult result = ask(text + "\nFORMAT RowBinary", options);
      rows_read_ += result.rows_read;
      bytes_read_ += result.bytes_read;
      return result;
    } catch (const store::EngineError& error) {
      if (stop_.stop_requested()) throw unwanted();
      if (error.code() == error_code::kThrownByStatement && tries < kMostTries) continue;
      throw to_query_error(error);
    }
  }
}

std::string Session::rows(const std::string& sql, const Parameters& parameters) {
  return ask_tables(sql,
                    [&](const std::string& text, const store::QueryOptions& options) {
                      return engine_.query(text, parameters.values(), options);
                    })
      .data;
}

Session::Piece Session::rows_up_to(std::size_t max_bytes, const std::string& sql,
                                   const Parameters& parameters) {
  Piece piece;
  ask_tables(sql, [&](const std::string& text, const store::QueryOptions& options) {
    return engine_.query_stream(text, parameters.values(), options, [&](std::string_view data) {
      piece.data += data;
      piece.is_whole = piece.data.size() < max_bytes;
      return piece.is_whole;
    });
  });
  return piece;
}

template <typename Ask>
store::QueryResult Session::ask_for_client(Ask&& ask) {
  try {
    store::QueryResult result = ask();
    rows_read_ += result.rows_read;
    bytes_read_ += result.bytes_read;
    return result;
  } catch (const store::EngineError& error) {
    if (stop_.stop_requested()) throw unwanted();
    QueryError known = to_query_error(error);
    if (known.code() != ErrorCode::kInternal) throw known;
    throw QueryError::invalid("sql", without_internals(error.what()));
  }
}

std::string Session::client_rows(const std::string& sql, std::string_view format) {
  return ask_for_client(
             [&] { return engine_.query(sql + "\nFORMAT " + std::string(format), {}, options()); })
      .data;
}

std::string Session::client_stream(const std::string& sql, std::string_view format) {
  std::string data;
  const auto gather = [&](std::string_view piece) {
    if (data.size() + piece.size() > kMostClientBytes) {
      throw beyond_limits(ErrorCode::kResourceExhausted, "The result is larger than 16 MiB.");
    }
    data += piece;
    return true;
  };
  ask_for_client([&] {
    return engine_.query_stream(sql + "\nFORMAT " + std::string(format), {}, options(), gather);
  });
  return data;
}

void Session::expect_current_tables() const {
  if (first_tables_ == nullptr || first_tables_->sources()->empty()) return;
  throw QueryError(ErrorCode::kUnavailable,
                   "Data of an earlier version is being moved; SQL is answered when that is done.");
}

AttributeSlots::Known Session::read_slots() {
  AttributeSlots::Known known;
  const std::string data =
      rows("SELECT toString(signal), key, slot FROM attribute_slots GROUP BY ALL");
  for (RowReader row(data); !row.at_end();) {
    std::string signal(row.string());
    std::string key(row.string());
    known[{std::move(signal), std::move(key)}].push_back(row.u8());
  }
  return known;
}

void Session::write_stats(JsonWriter& json) const {
  const std::chrono::duration<double, std::milli> elapsed = Clock::now() - started_;
  json.key("stats").begin_object();
  json.key("rows_read").digits(rows_read_);
  json.key("bytes_read").digits(bytes_read_);
  json.key("elapsed_ms").number(elapsed.count());
  json.end_object();
}

}  // namespace signalbox::server::query
