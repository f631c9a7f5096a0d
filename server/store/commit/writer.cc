#include "server/store/commit/writer.h"

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "server/store/columns/block.h"

namespace signalbox::server::store {
namespace {

using Clock = std::chrono::steady_clock;
using Status = WriteOutcome::Status;

constexpr Signal kSignals[] = {Signal::kTraces, Signal::kLogs, Signal::kMetrics};

struct Request {
  Signal signal;
  std::size_t bytes;
  Ingest::Decode decode;
  Ingest::Done done;
  otlp::DecodeResult decoded;
};

/// A block and the requests whose rows it holds.
struct Batch {
  explicit Batch(KnownIds& known) : block(known) {}
  Block block;
  std::vector<Request> requests;
  Clock::time_point opened;
};

WriteOutcome overloaded(std::string message) {
  WriteOutcome outcome;
  outcome.status = Status::kOverloaded;
  outcome.message = std::move(message);
  return outcome;
}

}  // namespace

class Writer::Implementation {
 public:
  Implementation(Engine& engine, const Options& options)
      : engine_(engine),
        options_(options),
        known_(options.max_known_ids),
        open_(std::make_unique<Batch>(known_)),
        spare_(std::make_unique<Batch>(known_)),
        decoder_([this] { decode_loop(); }),
        inserter_([this] { insert_loop(); }) {}

  void write(Signal signal, std::size_t request_bytes, Decode decode, Done done) {
    std::unique_lock lock(mutex_);
    if (closing_) {
      ++stats_.overloaded_requests;
      lock.unlock();
      done(overloaded("the server is shutting down; send again when it is back"));
      return;
    }
    if (request_bytes > options_.max_queued_bytes - stats_.queued_bytes) {
      ++stats_.overloaded_requests;
      lock.unlock();
      done(overloaded("more data is arriving than can be stored; send again later"));
      return;
    }
    stats_.queued_bytes += request_bytes;
    ++stats_.queued_requests;
    queue_.push_back({signal, request_bytes, std::move(decode), std::move(done), {}});
    lock.unlock();
    to_decode_.notify_one();
  }

  void close() {
    const std::scoped_lock once(close_mutex_);
    {
      const std::scoped_lock lock(mutex_);
      closing_ = true;
    }
    to_decode_.notify_all();
    if (decoder_.joinable()) decoder_.join();
    if (inserter_.joinable()) inserter_.join();
  }

  [[nodiscard]] Stats stats() const {
    const std::scoped_lock lock(mutex_);
    return stats_;
  }

 private:
  // Decoding thread. It owns `open_`; `ready_` passes a batch to the inserting thread, `spare_`
  // brings one back.

  void decode_loop() {
    std::unique_lock lock(mutex_);
    for (;;) {
      wait_for_work(lock);
      if (may_hand_over()) {
        ready_ = std::move(open_);
        open_ = std::move(spare_);
        open_has_room_ = true;
        to_insert_.notify_one();
      }
      if (!queue_.empty() && open_has_room_) {
        Request request = std::move(queue_.front());
        queue_.pop_front();
        lock.unlock();
        decode(std::move(request));
        lock.lock();
      } else if (closing_ && queue_.empty() && open_->requests.empty()) {
        decoded_all_ = true;
        to_insert_.notify_one();
        return;
      }
    }
  }

  /// Until there is a request to decode, or the open block can be handed over, or all is done.
  void wait_for_work(std::unique_lock<std::mutex>& lock) {
    const auto has_work = [&] {
      return (!queue_.empty() && open_has_room_) || may_hand_over() ||
             (closing_ && queue_.empty() && open_->requests.empty());
    };
    while (!has_work()) {
      // Only a block that is still gathering becomes due by itself.
      if (inserter_is_free() && !open_->requests.empty()) {
        to_decode_.wait_until(lock, open_->opened + options_.gather);
      } else {
        to_decode_.wait(lock);
      }
    }
  }

  [[nodiscard]] bool inserter_is_free() const { return ready_ == nullptr && spare_ != nullptr; }

  /// Whether the open block goes to the inserting thread now.
  [[nodiscard]] bool may_hand_over() const {
    if (!inserter_is_free() || open_->requests.empty()) return false;
    if (!open_has_room_ || closing_) return true;
    return queue_.empty() && Clock::now() >= open_->opened + options_.gather;
  }

  void decode(Request request) {
    Block& block = open_->block;
    block.begin_request(0);
    WriteOutcome outcome;
    try {
      Sinks sinks = block.sinks();
      request.decoded = request.decode(sinks);
      if (!request.decoded.ok) {
        outcome.status = Status::kMalformed;
        outcome.message = request.decoded.error;
      }
    } catch (const std::exception& error) {
      outcome.status = Status::kFailed;
      outcome.message = std::string("the request could not be taken in: ") + error.what();
    }
    if (outcome.status != Status::kCommitted) {
      block.roll_back();
      answer(request, std::move(outcome));
      return;
    }
    if (open_->requests.empty()) open_->opened = Clock::now();
    open_->requests.push_back(std::move(request));
    open_has_room_ =
        block.rows() < options_.max_block_rows && block.memory_bytes() < options_.max_block_bytes;
  }

  // Inserting thread.

  void insert_loop() {
    std::unique_lock lock(mutex_);
    for (;;) {
      to_insert_.wait(lock, [&] { return ready_ != nullptr || decoded_all_; });
      if (ready_ == nullptr) return;
      std::unique_ptr<Batch> batch = std::move(ready_);
      lock.unlock();
      insert(*batch);
      batch->requests.clear();
      batch->block.clear();
      lock.lock();
      spare_ = std::move(batch);
      to_decode_.notify_one();
    }
  }

  void insert(Batch& batch) {
    const auto start = Clock::now();
    const auto received_us = std::chrono::duration_cast<std::chrono::microseconds>(
        std::chrono::system_clock::now().time_since_epoch());
    const std::string error = failure_of([&] {
      const SealedBlock sealed = batch.block.seal(received_us.count());
      for (const TableRows& rows : sealed.descriptions)
        engine_.insert_native(rows.table, rows.native);
      batch.block.descriptions_are_written();
      for (const TableRows& rows : sealed.data) engine_.insert_native(rows.table, rows.native);
    });
    for (const Signal signal : kSignals) answer_all(batch, signal, error);
    const std::scoped_lock lock(mutex_);
    ++stats_.blocks;
    stats_.insert_time += Clock::now() - start;
  }

  /// What `action` failed with, or "".
  template <typename Action>
  static std::string failure_of(Action&& action) {
    try {
      action();
      return {};
    } catch (const std::exception& error) {
      return std::string("the store could not take the data: ") + error.what();
    }
  }

  void answer_all(Batch& batch, Signal signal, const std::string& error) {
    for (Request& request : batch.requests) {
      if (request.signal != signal) continue;
      WriteOutcome outcome;
      outcome.status = error.empty() ? Status::kCommitted : Status::kFailed;
      outcome.message = error;
      answer(request, std::move(outcome));
    }
  }

  // Either thread.

  void answer(Request& request, WriteOutcome outcome) {
    outcome.decoded = std::move(request.decoded);
    {
      const std::scoped_lock lock(mutex_);
      count(outcome);
    }
    request.done(std::move(outcome));
    request.done = nullptr;
    request.decode = nullptr;
    const std::scoped_lock lock(mutex_);
    stats_.queued_bytes -= request.bytes;
    --stats_.queued_requests;
  }

  void count(const WriteOutcome& outcome) {
    switch (outcome.status) {
      case Status::kCommitted:
        ++stats_.accepted_requests;
        stats_.accepted_rows += outcome.decoded.accepted;
        stats_.rejected_rows += outcome.decoded.rejected;
        return;
      case Status::kMalformed:
        ++stats_.malformed_requests;
        return;
      case Status::kOverloaded:
        ++stats_.overloaded_requests;
        return;
      case Status::kFailed:
        ++stats_.failed_requests;
        return;
    }
  }

  Engine& engine_;
  const Options options_;
  KnownIds known_;

  mutable std::mutex mutex_;
  std::condition_variable to_decode_;
  std::condition_variable to_insert_;
  std::deque<Request> queue_;
  std::unique_ptr<Batch> open_;
  std::unique_ptr<Batch> ready_;
  std::unique_ptr<Batch> spare_;
  bool open_has_room_ = true;  // Written by the decoding thread only.
  bool closing_ = false;
  bool decoded_all_ = false;
  Stats stats_;

  std::mutex close_mutex_;
  std::thread decoder_;
  std::thread inserter_;
};

Writer::Writer(Engine& engine, Options options)
    : implementation_(std::make_unique<Implementation>(engine, options)) {}

Writer::~Writer() {
  close();
}

void Writer::write(Signal signal, std::size_t request_bytes, Decode decode, Done done) {
  implementation_->write(signal, request_bytes, std::move(decode), std::move(done));
}

void Writer::close() {
  implementation_->close();
}

Writer::Stats Writer::stats() const {
  return implementation_->stats();
}

}  // namespace signalbox::server::store
