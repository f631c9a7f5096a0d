#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// The one interface through which the server writes to and reads from ClickHouse, in-process or
/// remote: the same DDL, SQL and Native blocks for both.
namespace signalbox::server::store {

/// An error of the engine. `code()` is ClickHouse's error code (e.g. 241 MEMORY_LIMIT_EXCEEDED,
/// 159 TIMEOUT_EXCEEDED), 0 if unknown.
class EngineError : public std::runtime_error {
 public:
  EngineError(int code, const std::string& message) : std::runtime_error(message), code_(code) {}
  [[nodiscard]] int code() const noexcept { return code_; }

 private:
  int code_;
};

/// Which pool of connections a statement uses: a statement never waits for one of another class.
enum class WorkClass : std::uint8_t { kIngest, kInteractive, kBackground };

/// One bound parameter, `{name:Type}` in the SQL; `value` is its text as ClickHouse parses it.
struct Parameter {
  std::string name;
  std::string value;
};

struct QueryOptions {
  WorkClass work = WorkClass::kInteractive;
  std::uint32_t max_execution_time_ms = 30'000;  ///< > 0.
  std::uint64_t max_memory_bytes = 1ULL << 30;   ///< > 0.
  std::uint64_t max_result_rows = 1'000'000;     ///< More is an error, not a cut. > 0.
};

/// A result in the format that the query's FORMAT clause asked for.
struct QueryResult {
  std::string data;
  std::uint64_t rows_read = 0;
  std::uint64_t bytes_read = 0;
  double elapsed_s = 0;
};

/// Thread-safety: all members from any thread; calls block, so never on an I/O thread.
/// Errors: EngineError.
class Engine {
 public:
  virtual ~Engine() = default;

  /// Runs one statement without a result (DDL).
  virtual void execute(const std::string& sql) = 0;

  /// Runs one read-only statement with bound parameters.
  virtual QueryResult query(const std::string& sql, const std::vector<Parameter>& parameters = {},
                            const QueryOptions& options = {}) = 0;

  /// Inserts one block in ClickHouse's Native format into `table`. When it returns, the rows are
  /// synced to disk; when it throws, none of them is there.
  virtual void insert_native(std::string_view table, std::string_view native_block) = 0;
};

}  // namespace signalbox::server::store
