#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/store/engine/engine.h"

namespace signalbox::server::store::testing {

/// Tables that remember which blocks they got and how many rows; can be told to wait and to fail.
///
/// Thread-safety: all members from any thread.
class FakeEngine final : public Engine {
 public:
  /// What an insert does.
  enum class Insert : std::uint8_t {
    kSucceeds,
    kFailsBefore,     ///< Throws; the table has nothing of it.
    kFailsAfter,      ///< Throws; the table has it all the same, as when an answer is lost.
    kTimesOutBefore,  ///< The same two, as a time-out.
    kTimesOutAfter,
    kIsRefused,  ///< Throws what does not pass by itself.
  };
  using Behaviour = std::function<Insert(std::string_view table)>;
  /// To a question that the tables here cannot answer; may throw.
  using Answer = std::function<std::string(const std::string& sql, const QueryOptions& options)>;

  void execute(const std::string& /*sql*/) override {}

  /// Knows one question: whether a table has a block, or one not before it. To all others it
  /// answers as it was told, or with nothing.
  QueryResult query(const std::string& sql, const std::vector<Parameter>& parameters,
                    const QueryOptions& options) override {
    const std::scoped_lock lock(mutex_);
    if (!sql.starts_with("SELECT count()")) {
      return {.data = answer_ ? answer_(sql, options) : std::string()};
    }
    constexpr std::string_view kFrom = "FROM ";
    const std::size_t at = sql.find(kFrom) + kFrom.size();
    const std::string table = sql.substr(at, sql.find(' ', at) - at);
    const std::int64_t identity = std::stoll(parameters.at(0).value);
    ++questions_;
    QueryResult result;
    const auto& blocks = tables_[table];
    const bool or_later = sql.find("received >= ") != std::string::npos;
    const bool has =
        or_later ? blocks.lower_bound(identity) != blocks.end() : blocks.contains(identity);
    result.data = has ? "1\n" : "0\n";
    return result;
  }

  void insert_native(std::string_view table, std::span<const std::string_view> pieces,
                     const InsertOptions& /*options*/) override {
    const std::string_view native = pieces.front();
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return is_open_; });
    --waiting_;
    ++inserts_[std::string(table)];
    const Insert does = behaviour_ ? behaviour_(table) : Insert::kSucceeds;
    if (does == Insert::kFailsBefore) throw EngineError(243, "not enough space");
    if (does == Insert::kTimesOutBefore) throw EngineError(159, "it took too long");
    if (does == Insert::kIsRefused) throw EngineError(117, "the data is wrong");
    const auto [identity, rows] = parse(native);
    auto& blocks = tables_[std::string(table)];
    if (identity != 0 && blocks.contains(identity)) twice_.insert(std::string(table));
    blocks[identity] += rows;
    if (does == Insert::kTimesOutAfter) throw EngineError(159, "it took too long");
    if (does == Insert::kFailsAfter) throw EngineError(209, "the answer was lost");
  }

  void shut() {
    const std::scoped_lock lock(mutex_);
    is_open_ = false;
  }
  void open() {
    const std::scoped_lock lock(mutex_);
    is_open_ = true;
    changed_.notify_all();
  }
  /// Until so many inserts wait at one time; false if they do not for long.
  bool wait_for_inserts(int count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), [&] { return waiting_ >= count; });
  }
  /// As a merge does in a side table: all that `table` has becomes a part of its latest block.
  void merge(const std::string& table) {
    const std::scoped_lock lock(mutex_);
    auto& blocks = tables_[table];
    std::uint64_t rows = 0;
    for (const auto& [identity, count] : blocks) rows += count;
    if (!blocks.empty()) blocks = {{blocks.rbegin()->first, rows}};
  }
  void behave(Behaviour behaviour) {
    const std::scoped_lock lock(mutex_);
    behaviour_ = std::move(behaviour);
  }
  void answer(Answer answer) {
    const std::scoped_lock lock(mutex_);
    answer_ = std::move(answer);
  }
  /// Inserts into `table`, also failed ones.
  int inserts(const std::string& table) {
    const std::scoped_lock lock(mutex_);
    return inserts_[table];
  }
  /// Tables that have rows.
  std::set<std::string> tables() {
    const std::scoped_lock lock(mutex_);
    std::set<std::string> names;
    for (const auto& [name, blocks] : tables_) {
      if (!blocks.empty()) names.insert(name);
    }
    return names;
  }
  /// Blocks that `table` has; of descriptions all are one.
  std::size_t blocks(const std::string& table) {
    const std::scoped_lock lock(mutex_);
    return tables_[table].size();
  }
  std::uint64_t rows(const std::string& table) {
    const std::scoped_lock lock(mutex_);
    std::uint64_t rows = 0;
    for (const auto& [identity, count] : tables_[table]) rows += count;
    return rows;
  }
  /// The identity of the latest block that `table` has; 0: none.
  std::int64_t last_block(const std::string& table) {
    const std::scoped_lock lock(mutex_);
    const auto& blocks = tables_[table];
    return blocks.empty() ? 0 : blocks.rbegin()->first;
  }
  /// Tables that were given the same block twice.
  std::set<std::string> twice() {
    const std::scoped_lock lock(mutex_);
    return twice_;
  }
  int questions() {
    const std::scoped_lock lock(mutex_);
    return questions_;
  }

 private:
  /// Identity (0: it has none, being of descriptions) and number of rows of a Native block.
  static std::pair<std::int64_t, std::uint64_t> parse(std::string_view native) {
    read_varint(native);
    const std::uint64_t rows = read_varint(native);
    const std::uint64_t name_bytes = read_varint(native);
    if (native.substr(0, name_bytes) != "received") return {0, rows};
    native.remove_prefix(name_bytes);
    const std::uint64_t type_bytes = read_varint(native);
    if (!native.substr(0, type_bytes).starts_with("DateTime64(6")) return {0, rows};
    native.remove_prefix(type_bytes);
    std::int64_t identity = 0;
    std::memcpy(&identity, native.data(), sizeof identity);
    return {identity, rows};
  }

  static std::uint64_t read_varint(std::string_view& bytes) {
    std::uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(bytes.front());
      bytes.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_open_ = true;
  int waiting_ = 0;
  int questions_ = 0;
  Behaviour behaviour_;
  Answer answer_;
  std::map<std::string, int> inserts_;
  std::map<std::string, std::map<std::int64_t, std::uint64_t>> tables_;
  std::set<std::string> twice_;
};

}  // namespace signalbox::server::store::testing
