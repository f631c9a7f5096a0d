#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

/// The one interface through which the server writes to and reads from ClickHouse, in-process or
/// remote: the same DDL, SQL and Native blocks for both.
namespace signalbox::server::store {

/// An error of the engine. `code()` is ClickHouse's error code (see error_code), 0 if unknown.
class EngineError : public std::runtime_error {
 public:
  EngineError(int code, const std::string& message) : std::runtime_error(message), code_(code) {}
  [[nodiscard]] int code() const noexcept { return code_; }

 private:
  int code_;
};

/// ClickHouse's error codes that the server treats in a way of their own.
namespace error_code {
inline constexpr int kBadArguments = 36;
inline constexpr int kTimeoutExceeded = 159;
inline constexpr int kReadonly = 164;
inline constexpr int kTooManySimultaneousQueries = 202;
inline constexpr int kNetworkError = 210;
inline constexpr int kMemoryLimitExceeded = 241;
inline constexpr int kNotEnoughSpace = 243;
inline constexpr int kQueryWasCancelled = 394;
inline constexpr int kThrownByStatement = 395;  ///< By throwIf.
inline constexpr int kTooManyRowsOrBytes = 396;
inline constexpr int kAccessDenied = 497;
}  // namespace error_code

/// Which pool of connections a statement uses: a statement never waits for one of another class.
enum class WorkClass : std::uint8_t { kIngest, kInteractive, kBackground };

/// One bound parameter, `{name:Type}` in the SQL; `value` is its text as ClickHouse parses it.
struct Parameter {
  std::string name;
  std::string value;
};

struct QueryOptions {
  WorkClass work = WorkClass::kInteractive;

  /// The wait for a connection included; then the statement ends with kTimeoutExceeded. > 0.
  std::uint32_t max_execution_time_ms = 30'000;

  /// An upper bound: an engine whose memory is divided may grant less. > 0.
  std::uint64_t max_memory_bytes = 1ULL << 30;

  std::uint64_t max_result_rows = 1'000'000;  ///< More is an error, not a cut. > 0.

  /// Ends the statement in the engine, soon after a stop is requested, with kQueryWasCancelled.
  std::stop_token stop = {};
};

struct InsertOptions {
  /// The wait for a connection included; then the insert ends with kTimeoutExceeded. > 0.
  std::uint32_t max_execution_time_ms = 60'000;

  /// Identifies the block: a table that has a deduplication window stores only the first of several
  /// blocks with the same token. Letters, digits and "-_.:", at most 100; empty: no token.
  std::string deduplication_token = {};
};

/// A result in the format that the query's FORMAT clause asked for.
struct QueryResult {
  std::string data;
  std::uint64_t rows_read = 0;
  std::uint64_t bytes_read = 0;
  double elapsed_s = 0;
};

/// Takes the next piece of a result; false ends the query without an error. May throw: the query
/// ends and the exception goes to the caller of `query_stream`.
using ResultSink = std::function<bool(std::string_view)>;

/// Thread-safety: all members from any thread; calls block, so never on an I/O thread.
/// Errors: EngineError.
class Engine {
 public:
  virtual ~Engine() = default;

  /// Runs one statement without a result (DDL).
  virtual void execute(const std::string& sql) = 0;

  /// The same for one that writes `table` and may take long: no definition waits for it, though
  /// others of its kind do, and it ends soon after a stop is requested, with kQueryWasCancelled.
  /// When it returns, what it wrote is on disk; when it throws, a part of that may be.
  virtual void execute_long(const std::string& sql, std::string_view /*table*/,
                            const std::stop_token& /*stop*/) {
    execute(sql);
  }

  /// Runs one read-only statement with bound parameters.
  virtual QueryResult query(const std::string& sql, const std::vector<Parameter>& parameters = {},
                            const QueryOptions& options = {}) = 0;

  /// The same, but hands the result to `sink` piece by piece as it comes, at most some megabytes of
  /// it being in memory; `data` of what is returned is empty. A slow sink uses up the query's time.
  /// After an error the sink has seen a part of the result.
  virtual QueryResult query_stream(const std::string& sql, const std::vector<Parameter>& parameters,
                                   const QueryOptions& options, const ResultSink& sink) {
    QueryResult result = query(sql, parameters, options);
    sink(result.data);
    result.data.clear();
    return result;
  }

  /// Inserts one block in ClickHouse's Native format, the bytes of `pieces` in their order, into
  /// `table` of the database `signalbox`. A block whose rows are of one partition becomes one part.
  /// When it returns, the rows are on disk, names of folders included. When it throws, none of a
  /// block of one partition is there, unless the error is kTimeoutExceeded or kNetworkError: then
  /// the block may be there, as a whole. A query of WorkClass::kIngest tells which: it begins only
  /// when the insert has ended for certain, and fails until then.
  virtual void insert_native(std::string_view table, std::span<const std::string_view> pieces,
                             const InsertOptions& options) = 0;

  /// The same for a block that lies in one piece, with the usual options.
  void insert_native(std::string_view table, std::string_view native_block) {
    insert_native(table, std::span(&native_block, 1), InsertOptions{});
  }
};

}  // namespace signalbox::server::store
