#include "server/store/commit/committer.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <exception>
#include <mutex>
#include <new>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

namespace signalbox::server::store {
namespace {

/// Whether an error of the engine may pass without anybody doing anything about the data.
bool may_pass(int code) noexcept {
  switch (code) {
    case 33:   // CANNOT_READ_ALL_DATA
    case 44:   // ILLEGAL_COLUMN
    case 49:   // LOGICAL_ERROR
    case 53:   // TYPE_MISMATCH
    case 117:  // INCORRECT_DATA
    case 131:  // TOO_LARGE_STRING_SIZE
    case 16:   // NO_SUCH_COLUMN_IN_TABLE
      return false;
    default:
      return true;
  }
}

/// Whether the process lacks something at this moment, which says nothing about what is read.
bool is_short(const std::exception& error) noexcept {
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) return true;
  const auto* const system = dynamic_cast<const std::system_error*>(&error);
  if (system == nullptr || system->code().category() != std::generic_category()) return false;
  const int code = system->code().value();
  return code == ENOMEM || code == EMFILE || code == ENFILE;
}

}  // namespace

Committer::Committer(Engine& engine, const Decoder& decoder, const Log& log, Registry& registry,
                     BlockPool& pool, Options options)
    : engine_(engine),
      decoder_(decoder),
      log_(log),
      pool_(pool),
      options_(std::move(options)),
      reloaded_(registry),
      thread_([this] { run(); }) {}

Committer::~Committer() {
  close(Clock::now());
}

void Committer::submit(std::shared_ptr<Batch> batch) {
  {
    const std::scoped_lock lock(mutex_);
    ++stats_.waiting_blocks;
    queue_.push_back(std::move(batch));
  }
  changed_.notify_all();
}

void Committer::close(Clock::time_point deadline) {
  {
    const std::scoped_lock lock(mutex_);
    closing_ = true;
    deadline_ = deadline;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

Committer::Stats Committer::stats() const {
  const std::scoped_lock lock(mutex_);
  return stats_;
}

void Committer::begin_hurry() {
  {
    const std::scoped_lock lock(mutex_);
    ++hurries_;
  }
  changed_.notify_all();
}

void Committer::end_hurry() {
  const std::scoped_lock lock(mutex_);
  --hurries_;
}

void Committer::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto has_work = [&] { return closing_ || !queue_.empty() || must_write_side_tables(); };
    if (without_side_rows_.empty()) {
      changed_.wait(lock, has_work);
    } else {
      changed_.wait_until(lock, side_due_, has_work);
    }
    if (must_end()) return;
    if (must_write_side_tables()) {
      lock.unlock();
      if (!finish_blocks()) return;
      lock.lock();
      continue;
    }
    if (queue_.empty()) {
      if (closing_) return;
      continue;
    }
    const std::shared_ptr<Batch> batch = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    const Result result = commit_with_patience(*batch);
    if (batch->block != nullptr) pool_.give_back(std::move(batch->block));
    if (result == Result::kGivenUp) return;
    if (result == Result::kRefused && !hand_over(batch)) return;
    lock.lock();
    if (result == Result::kRefused) {
      --stats_.waiting_blocks;
      ++stats_.blocks_set_aside;
      continue;
    }
    if (without_side_rows_.empty()) side_due_ = Clock::now() + options_.side_interval;
    without_side_rows_.push_back(batch);
  }
}

bool Committer::must_write_side_tables() {
  if (without_side_rows_.empty()) return false;
  bool has_rows = false;
  side_.visit([&](auto& table) { has_rows = has_rows || rows(table) > 0; });
  return !has_rows || rows_without_side_rows_ >= options_.side_rows ||
         log_.bytes() >= options_.side_log_bytes || Clock::now() >= side_due_ ||
         ((hurries_ > 0 || closing_) && queue_.empty());
}

bool Committer::finish_blocks() {
  for (bool is_in_doubt = false;; is_in_doubt = true) {
    try {
      if (!insert_side_rows(is_in_doubt)) return false;
      break;
    } catch (const std::exception& error) {
      report("rows of side tables are tried again: ", error.what());
      if (!wait(options_.longest_retry)) return false;
    }
  }
  for (const std::shared_ptr<Batch>& batch : without_side_rows_) {
    {
      const std::scoped_lock lock(mutex_);
      --stats_.waiting_blocks;
      ++stats_.blocks;
    }
    if (!hand_over(batch)) return false;
  }
  without_side_rows_.clear();
  return true;
}

bool Committer::insert_side_rows(bool is_in_doubt) {
  const std::int64_t identity = without_side_rows_.back()->identity;
  const Inserted inserted =
      insert_tables(write_side_tables(side_, identity), identity, is_in_doubt);
  if (inserted.worst == Result::kGivenUp) return false;
  if (inserted.worst == Result::kRefused) {
    report("the engine refuses rows of side tables again and again; they are left out");
    const std::scoped_lock lock(mutex_);
    stats_.refused_side_rows += inserted.refused_rows;
  }
  side_.visit([](auto& table) { clear(table); });
  rows_without_side_rows_ = 0;
  return true;
}

bool Committer::hand_over(const std::shared_ptr<Batch>& batch) {
  for (;;) {
    try {
      options_.on_done(batch);
      return true;
    } catch (const std::exception& error) {
      report("that a block is done is noted later: ", error.what());
      if (!wait(options_.longest_retry)) return false;
    }
  }
}

Committer::Result Committer::commit_with_patience(Batch& batch) {
  for (;;) {
    try {
      const Result result = commit(batch);
      if (result == Result::kRefused) options_.set_aside(batch);
      return result;
    } catch (const std::exception& error) {
      report("a block is tried again: ", error.what());
      side_.visit([](auto& table) { roll_back(table); });
      batch.is_in_doubt = true;
      if (!wait(options_.longest_retry)) return Result::kGivenUp;
    }
  }
}

Committer::Result Committer::commit(Batch& batch) {
  const auto start = Clock::now();
  side_.visit([](auto& table) { mark(table); });
  // Once its rows are in the tables, that it waits for side rows can be noted whatever memory is
  // left.
  if (without_side_rows_.size() == without_side_rows_.capacity()) {
    without_side_rows_.reserve(2 * without_side_rows_.size() + 1);
  }
  const SealedBlock sealed = seal(batch);
  add_side_rows(batch);
  Result result = insert_descriptions(batch, sealed);
  if (batch.block != nullptr) pool_.give_back(std::move(batch.block));
  if (result == Result::kDone) {
    result = insert_tables(sealed.data, batch.identity, batch.is_in_doubt).worst;
  }
  if (result != Result::kDone) side_.visit([](auto& table) { roll_back(table); });
  std::size_t rows = 0;
  for (const TableRows& table : sealed.data) rows += table.rows;
  const std::scoped_lock lock(mutex_);
  stats_.insert_time += Clock::now() - start;
  if (result == Result::kDone) {
    stats_.rows += rows;
    rows_without_side_rows_ += rows;
  }
  return result;
}

void Committer::add_side_rows(const Batch& batch) {
  const Block& block = batch.block != nullptr ? *batch.block : reloaded_;
  block.add_side_rows(batch.identity, side_);
  if (!batch.is_in_doubt) return;
  side_.visit([&](auto& table) {
    if (rows(table) > 0 && has_block(table.kTable, ">=", batch.identity)) roll_back(table);
  });
}

SealedBlock Committer::seal(Batch& batch) {
  if (batch.is_spoilt && batch.block != nullptr) pool_.give_back(std::move(batch.block));
  if (batch.block != nullptr) return batch.block->seal(batch.identity);
  reload(batch);
  return reloaded_.seal(batch.identity);
}

void Committer::reload(const Batch& batch) {
  reloaded_.clear();
  std::uint64_t unreadable = 0;
  std::string why;
  for (const Log::Position& position : batch.requests) {
    try {
      RecordHead head;
      const std::string payload = log_.read(position, head);
      reloaded_.begin_request(head.time);
      Sinks sinks = reloaded_.sinks();
      const otlp::DecodeResult decoded = decoder_.decode(head.signal, head.content, payload, sinks);
      if (decoded.ok) continue;
      reloaded_.roll_back();
      why = decoded.error;
    } catch (const std::exception& error) {
      if (is_short(error)) throw;
      reloaded_.roll_back();
      why = error.what();
    }
    ++unreadable;
  }
  if (unreadable > 0) {
    report(std::to_string(unreadable) + " of " + std::to_string(batch.requests.size()) +
               " acknowledged requests could not be read from the log again: ",
           why);
  }
  const std::scoped_lock lock(mutex_);
  ++stats_.reloaded_blocks;
  stats_.unreadable_requests += unreadable;
}

Committer::Result Committer::insert_descriptions(Batch& batch, const SealedBlock& sealed) {
  const Result result = insert_tables(sealed.descriptions, 0, false).worst;
  if (result != Result::kDone) return result;
  (batch.block != nullptr ? *batch.block : reloaded_).descriptions_are_written();
  return Result::kDone;
}

Committer::Inserted Committer::insert_tables(const std::vector<TableRows>& tables,
                                             std::int64_t identity, bool is_in_doubt) {
  std::atomic<std::size_t> next{1};  // This thread begins with the first.
  std::mutex mutex;
  Inserted inserted;
  std::exception_ptr failure;
  const auto work = [&](std::size_t first) {
    for (std::size_t i = first; i < tables.size(); i = next++) {
      try {
        const Result result = insert(tables[i], identity, is_in_doubt);
        const std::scoped_lock lock(mutex);
        if (result == Result::kRefused) inserted.refused_rows += tables[i].rows;
        // A block that is given up is found in the log again, whatever else became of it.
        if (result == Result::kGivenUp || inserted.worst == Result::kDone) inserted.worst = result;
      } catch (...) {
        const std::scoped_lock lock(mutex);
        failure = std::current_exception();
      }
    }
  };
  std::vector<std::jthread> others;
  const std::size_t threads = std::min(options_.parallel_inserts, tables.size());
  for (std::size_t i = 1; i < threads; ++i) others.emplace_back([&] { work(next++); });
  work(0);
  others.clear();
  if (failure != nullptr) std::rethrow_exception(failure);
  return inserted;
}

Committer::Result Committer::insert(const TableRows& rows, std::int64_t identity,
                                    bool is_in_doubt) {
  auto pause = options_.first_retry;
  std::size_t refusals = 0;
  for (bool ask = is_in_doubt;; ask = identity != 0) {
    std::string error;
    try {
      if (!ask || !has_block(rows.table, rows.is_side_table ? ">=" : "=", identity))
        engine_.insert_native(rows.table, rows.native);
      const std::scoped_lock lock(mutex_);
      stats_.is_failing = false;
      return Result::kDone;
    } catch (const EngineError& engine_error) {
      error = engine_error.what();
      if (!may_pass(engine_error.code())) ++refusals;
    } catch (const std::exception& other) {
      error = other.what();
    }
    fail(rows.table, error);
    if (refusals >= options_.attempts_before_set_aside) return Result::kRefused;
    if (!wait(pause)) return Result::kGivenUp;
    pause = std::min(pause * 2, options_.longest_retry);
  }
}

bool Committer::has_block(std::string_view table, std::string_view comparison,
                          std::int64_t identity) {
  std::string sql = "SELECT count() FROM ";
  sql.append(table).append(" WHERE received ").append(comparison);
  sql += " fromUnixTimestamp64Micro({identity:Int64}, 'UTC') FORMAT TabSeparated";
  const QueryResult result =
      engine_.query(sql, {{"identity", std::to_string(identity)}}, {.work = WorkClass::kIngest});
  return !result.data.starts_with("0\n");
}

void Committer::fail(std::string_view table, const std::string& error) {
  {
    const std::scoped_lock lock(mutex_);
    ++stats_.failed_inserts;
    stats_.is_failing = true;
    stats_.last_error = error;
  }
  std::string message = "a block could not be inserted into ";
  message += table;
  report(message + "; it stays in the log and is tried again: ", error);
}

void Committer::report(std::string_view what, std::string_view why) const noexcept try {
  options_.report(std::string(what).append(why));
} catch (const std::exception& /*error*/) {
}

bool Committer::wait(std::chrono::milliseconds pause) {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, pause, [&] { return closing_; });
}

bool Committer::must_end() const {
  return closing_ && Clock::now() >= deadline_;
}

}  // namespace signalbox::server::store
