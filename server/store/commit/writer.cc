#include "server/store/commit/writer.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "server/store/commit/batch.h"
#include "server/store/commit/committer.h"
#include "server/store/log/log.h"
#include "server/store/log/request_window.h"

namespace signalbox::server::store {
namespace {

using Clock = std::chrono::steady_clock;
using Status = WriteOutcome::Status;
using std::chrono::milliseconds;

constexpr std::size_t kBytesOfASync = 16ULL << 20;
constexpr milliseconds kLogRetry{500};

std::int64_t unix_ns() {
  return std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count();
}

WriteOutcome refusal(Status status, std::string message, milliseconds retry_after = {}) {
  WriteOutcome outcome;
  outcome.status = status;
  outcome.message = std::move(message);
  if (retry_after > milliseconds(0)) outcome.retry_after = retry_after;
  return outcome;
}

/// `wait`, up to half as long again by chance: so that not all senders come back at once.
milliseconds with_jitter(milliseconds wait) {
  thread_local std::minstd_rand random{std::random_device{}()};
  return wait +
         milliseconds(std::uniform_int_distribution<std::int64_t>(0, wait.count() / 2)(random));
}

WriteOutcome log_refusal(const std::string& error) {
  return refusal(Status::kFailed, "the log cannot be written (" + error + "); send again later",
                 with_jitter(milliseconds(5000)));
}

/// A lane keeps a block at all times, so with no more blocks than lanes each one would have to be
/// decoded twice.
std::size_t number_of_blocks(const Writer::Options& options) {
  const std::size_t blocks = options.max_blocks == 0 ? 2 * options.lanes : options.max_blocks;
  if (options.lanes == 0 || blocks <= options.lanes) {
    throw std::invalid_argument("a writer needs lanes, and more blocks than lanes");
  }
  return blocks;
}

/// Tells an operator how far the requests are that an earlier process left in the log.
///
/// One thread at a time.
class RecoveryProgress {
 public:
  explicit RecoveryProgress(const Writer::Options& options) : options_(options) {}

  void begin(std::size_t requests) { requests_ = requests; }
  void on_refused(const Batch& batch) {
    if (batch.is_recovered) refused_ += batch.requests.size();
  }
  /// Also of a batch that was refused.
  void on_done(const Batch& batch) noexcept {
    if (!batch.is_recovered) return;
    done_ += batch.requests.size();
    const auto now = Clock::now();
    if (done_ < requests_ && now < reported_at_ + options_.progress_interval) return;
    reported_at_ = now;
    try {
      report();
    } catch (const std::exception& /*error*/) {
      // Memory is short: the next one tells.
    }
  }

 private:
  void report() const {
    const std::string total = std::to_string(requests_);
    std::string text = " requests of the earlier run are in their tables";
    if (refused_ > 0) text += ", " + std::to_string(refused_) + " are set aside";
    options_.report((done_ - refused_ == requests_
                         ? "all " + total
                         : std::to_string(done_ - refused_) + " of " + total) +
                    text);
  }

  const Writer::Options& options_;
  std::size_t requests_ = 0;
  std::size_t done_ = 0;
  std::size_t refused_ = 0;
  Clock::time_point reported_at_ = Clock::now();
};

/// A request from its receipt to its answer.
struct Job {
  IngestRequest request;
  Ingest::Done done;
  std::int64_t received_ns = 0;
  RequestHash hash;
  otlp::DecodeResult decoded;
  std::shared_ptr<Batch> batch;  ///< Which has its rows.
};

}  // namespace

class Writer::Implementation {
 public:
  Implementation(Engine& engine, const Decoder& decoder, Files& files, Options options)
      : decoder_(decoder),
        files_(files),
        options_(std::move(options)),
        registry_(options_.max_known_ids, engine, options_.report),
        pool_(registry_, number_of_blocks(options_)),
        log_(files, {.folder = options_.log_folder,
                     .segment_bytes = options_.segment_bytes,
                     .report = options_.report,
                     .report_interval = options_.progress_interval}),
        window_(files, log_.salt(),
                {.folder = options_.log_folder, .length = options_.repeat_window}),
        committer_(engine, decoder, log_, registry_, pool_, committer_options()) {
    recover();
    log_thread_ = std::thread([this] { log_loop(); });
    lanes_.reserve(options_.lanes);
    for (std::size_t i = 0; i < options_.lanes; ++i) {
      lanes_.emplace_back([this, i] { lane_loop(i); });
    }
  }

  void write(IngestRequest request, Done done) {
    const std::size_t bytes = request.payload.size();
    WriteOutcome refused;
    {
      const std::scoped_lock lock(mutex_);
      refused = admit(bytes);
      if (refused.status == Status::kCommitted) {
        stats_.queued_bytes += bytes;
        ++stats_.queued_requests;
        Job& job = queue_.emplace_back();
        job.request = std::move(request);
        job.done = std::move(done);
        job.received_ns = unix_ns();
        queue_bytes_ += bytes;
        for (std::size_t i = 0; i < options_.lanes && may_take(i); ++i) wake_[i].notify_one();
        return;
      }
    }
    count(refused);
    done(std::move(refused));
  }

  bool flush(milliseconds timeout) {
    const auto deadline = Clock::now() + timeout;
    committer_.begin_hurry();
    std::unique_lock lock(mutex_);
    ++flushes_wanted_;
    wake_lanes();
    // What was answered is in the blocks that are open now; under load there are always later ones.
    const std::uint64_t last = open_batches_.empty() ? 0 : *open_batches_.rbegin();
    const bool is_done = flushed_.wait_until(
        lock, deadline, [&] { return open_batches_.empty() || *open_batches_.begin() > last; });
    lock.unlock();
    committer_.end_hurry();
    return is_done;
  }

  void close() {
    const std::scoped_lock once(close_mutex_);
    {
      const std::scoped_lock lock(mutex_);
      closing_ = true;
    }
    pool_.end_waits();
    wake_lanes();
    for (std::thread& lane : lanes_) {
      if (lane.joinable()) lane.join();
    }
    {
      std::unique_lock lock(mutex_);
      lanes_done_ = true;
      to_log_.notify_all();
      flushed_.wait(
          lock, [&] { return (to_log_items_.empty() && !is_logging_) || stats_.is_log_failing; });
    }
    committer_.close(Clock::now() + options_.close_timeout);
    {
      const std::scoped_lock lock(mutex_);
      committer_done_ = true;
    }
    to_log_.notify_all();
    if (log_thread_.joinable()) log_thread_.join();
  }

  [[nodiscard]] Stats stats() const {
    const Committer::Stats committed = committer_.stats();
    Stats stats;
    {
      const std::scoped_lock lock(mutex_);
      stats = stats_;
    }
    stats.blocks = committed.blocks;
    stats.stored_rows = committed.rows;
    stats.reloaded_blocks = committed.reloaded_blocks;
    stats.blocks_set_aside = committed.blocks_set_aside;
    stats.refused_side_rows = committed.refused_side_rows;
    stats.unreadable_requests += committed.unreadable_requests;
    stats.failed_inserts = committed.failed_inserts;
    stats.insert_time = committed.insert_time;
    stats.waiting_blocks = committed.waiting_blocks;
    stats.is_engine_failing = committed.is_failing;
    if (committed.is_failing) stats.last_error = committed.last_error;
    stats.log_bytes = log_.bytes();
    stats.window_requests = window_.size();
    return stats;
  }

 private:
  using Item = std::variant<Job, std::shared_ptr<Batch>>;  // To log: a request, or a batch's end.

  Committer::Options committer_options() {
    Committer::Options committer;
    committer.first_retry = options_.first_retry;
    committer.longest_retry = options_.longest_retry;
    committer.attempts_before_set_aside = options_.attempts_before_set_aside;
    committer.side_interval = options_.side_interval;
    committer.side_log_bytes = options_.max_log_bytes / 4;
    committer.report = options_.report;
    committer.on_done = [this](const std::shared_ptr<Batch>& batch) {
      {
        const std::scoped_lock lock(mutex_);
        committed_.push_back(batch);  // If it throws, nothing is done.
      }
      progress_.on_done(*batch);
      {
        const std::scoped_lock lock(mutex_);
        open_batches_.erase(batch->number);
      }
      to_log_.notify_all();
      flushed_.notify_all();
    };
    committer.set_aside = [this](const Batch& batch) { set_aside(batch); };
    return committer;
  }

  // ---- start
  // ---------------------------------------------------------------------------------------

  void recover() {
    Log::Recovery recovery = log_.take_recovery();
    for (const std::string& damage : recovery.damage) options_.report(damage);
    for (const std::string& cut : recovery.cut_short) {
      options_.report("the log's last write was cut short, as when the power fails: " + cut);
    }
    window_.restore(recovery.requests, unix_ns());
    std::vector<std::shared_ptr<Batch>> sealed;
    std::vector<std::shared_ptr<Batch>> unsealed;
    std::uint64_t requests = 0;
    std::uint64_t missing = 0;
    for (Log::UncommittedBlock& found : recovery.blocks) {
      auto batch = std::make_shared<Batch>();
      batch->number = found.number;
      batch->identity = found.identity;
      batch->is_recovered = true;
      batch->is_in_doubt = found.identity != 0;
      requests += found.requests.size();
      missing += found.missing_requests;
      batch->requests = std::move(found.requests);
      (batch->is_in_doubt ? sealed : unsealed).push_back(std::move(batch));
    }
    if (missing > 0) {
      options_.report(std::to_string(missing) +
                      " acknowledged requests are missing from the log; they are lost");
    }
    progress_.begin(requests);
    if (requests > 0) {
      options_.report("taking up " + std::to_string(sealed.size() + unsealed.size()) +
                      " blocks of " + std::to_string(requests) +
                      " requests that an earlier run left in the log (" +
                      std::to_string(recovery.bytes >> 20) + " MiB); they become visible soon");
    }
    {
      const std::scoped_lock lock(mutex_);
      stats_.unreadable_requests = missing;
      for (const auto& batch : sealed) open_batches_.insert(batch->number);
      for (const auto& batch : unsealed) open_batches_.insert(batch->number);
      for (std::shared_ptr<Batch>& batch : unsealed) to_log_items_.emplace_back(std::move(batch));
    }
    for (std::shared_ptr<Batch>& batch : sealed) committer_.submit(std::move(batch));
  }

  // ---- admission
  // -----------------------------------------------------------------------------------

  /// kCommitted if the request may go on. With `mutex_` held.
  WriteOutcome admit(std::size_t bytes) {
    if (closing_) {
      return refusal(Status::kFailed, "the server is shutting down; send again when it is back",
                     with_jitter(milliseconds(1000)));
    }
    if (bytes > options_.max_queued_bytes - stats_.queued_bytes) {
      return refusal(Status::kOverloaded,
                     "more data is arriving than can be taken in; send again later",
                     with_jitter(milliseconds(1000)));
    }
    const auto wait = expected_wait();
    if (wait > options_.longest_wait) {
      return refusal(Status::kOverloaded, "requests wait too long to be taken in; send again later",
                     with_jitter(wait));
    }
    if (log_.bytes() >= options_.max_log_bytes) {
      return refusal(Status::kOverloaded,
                     "the tables do not keep up: the log of what they still have to take in is "
                     "full; send again later, and look at the server's own log for the reason",
                     with_jitter(milliseconds(5000)));
    }
    if (stats_.is_log_failing && Clock::now() < log_failed_at_ + kLogRetry) {
      return log_refusal(stats_.last_error);
    }
    return {};
  }

  [[nodiscard]] milliseconds expected_wait() const {
    const double ns =
        ns_per_byte_ * static_cast<double>(queue_bytes_) / static_cast<double>(options_.lanes);
    return milliseconds(static_cast<std::int64_t>(ns / 1e6));
  }

  // ---- lanes
  // ---------------------------------------------------------------------------------------

  /// A lane's open block. Its thread alone uses it.
  struct Lane {
    std::size_t index = 0;
    std::shared_ptr<Batch> batch;  // Null: none is open.
    std::unique_ptr<Block> spare;  // For the next one.
    Clock::time_point due;         // When `batch` is to be sealed.
    Clock::time_point last_sealed;
    milliseconds interval{0};  // From then to the end of the next batch.
  };

  void lane_loop(std::size_t index) {
    Lane lane;
    lane.index = index;
    lane.spare = pool_.take();
    std::unique_lock lock(mutex_);
    while (wait_for_work(lane, lock)) {
      if (may_take(lane.index)) {
        Job job = std::move(queue_.front());
        queue_.pop_front();
        queue_bytes_ -= job.request.payload.size();
        lock.unlock();
        take_in(lane, std::move(job));
        lock.lock();
      }
      const bool must_seal = lane.batch != nullptr && (is_due(lane) || must_flush(lane));
      // Noted before the block goes: a request that comes meanwhile is not part of what was wanted,
      // and would end a block of its own.
      if (queue_.empty() && (lane.batch == nullptr || must_seal)) {
        lane_flushed_[index] = flushes_wanted_;
      }
      if (must_seal) {
        lock.unlock();
        seal(lane);
        lock.lock();
      }
      flushed_.notify_all();
    }
  }

  /// Until there is something to do; false if all is done and the writer is closing.
  bool wait_for_work(Lane& lane, std::unique_lock<std::mutex>& lock) {
    for (;;) {
      if (may_take(lane.index)) return true;
      if (lane.batch != nullptr && (is_due(lane) || must_flush(lane))) return true;
      if (lane.batch == nullptr && queue_.empty()) {
        if (closing_) return false;
        if (lane_flushed_[lane.index] < flushes_wanted_) return true;
      }
      if (lane.batch != nullptr) {
        wake_[lane.index].wait_until(lock, lane.due);
      } else {
        wake_[lane.index].wait(lock);
      }
    }
  }

  /// The first lane takes whatever there is; each further one helps when more is waiting, so that
  /// little load makes one block and not several.
  [[nodiscard]] bool may_take(std::size_t lane) const {
    if (queue_.empty()) return false;
    return lane == 0 || closing_ || queue_bytes_ > lane * options_.bytes_for_next_lane;
  }
  [[nodiscard]] static bool is_due(const Lane& lane) { return Clock::now() >= lane.due; }
  [[nodiscard]] bool must_flush(const Lane& lane) const {
    return queue_.empty() && (closing_ || lane_flushed_[lane.index] < flushes_wanted_);
  }

  void take_in(Lane& lane, Job job) {
    const auto now = Clock::now();
    const IngestRequest& request = job.request;
    if ((request.deadline && *request.deadline <= now) ||
        (request.is_abandoned && request.is_abandoned())) {
      answer(job, refusal(Status::kAbandoned, "the sender stopped waiting before its turn came"));
      return;
    }
    job.hash = hash_request(log_.salt(), request.signal, request.content, request.payload);
    const RequestWindow::Finding finding = window_.begin(job.hash, job.done);
    if (finding.kind == RequestWindow::Finding::Kind::kRepeated) {
      answer(job, repeated(finding.rejected));
    } else if (finding.kind == RequestWindow::Finding::Kind::kUnderWay) {
      forget(job);
    } else {
      decode(lane, std::move(job), now);
    }
  }

  static WriteOutcome repeated(std::uint64_t rejected) {
    WriteOutcome outcome;
    outcome.repeated = true;
    outcome.decoded.rejected = rejected;
    if (rejected > 0) {
      outcome.decoded.rejected_reason = "as when the same request was received before";
    }
    return outcome;
  }

  void decode(Lane& lane, Job job, Clock::time_point start) {
    open_batch(lane);
    Block& block = *lane.batch->block;
    block.begin_request(job.received_ns);
    WriteOutcome outcome;
    try {
      Sinks sinks = block.sinks();
      job.decoded =
          decoder_.decode(job.request.signal, job.request.content, job.request.payload, sinks);
      if (!job.decoded.ok) outcome = refusal(Status::kMalformed, job.decoded.error);
    } catch (const std::exception& error) {
      outcome = refusal(Status::kFailed,
                        std::string("the request could not be taken in: ") + error.what());
    }
    measure(job, Clock::now() - start);
    if (outcome.status != Status::kCommitted) {
      block.roll_back();
      answer_with_others(job, std::move(outcome), window_.drop(job.hash));
      return;
    }
    job.batch = lane.batch;
    const bool is_full =
        block.rows() >= options_.max_block_rows || block.memory_bytes() >= options_.max_block_bytes;
    {
      const std::scoped_lock lock(mutex_);
      to_log_items_.emplace_back(std::move(job));
    }
    to_log_.notify_all();
    if (is_full) seal(lane);
  }

  void wake_lanes() {
    for (std::condition_variable& lane : wake_) lane.notify_one();
  }

  /// Keeps how long a byte takes, slowly following.
  void measure(const Job& job, std::chrono::nanoseconds took) {
    const auto bytes = static_cast<double>(std::max<std::size_t>(job.request.payload.size(), 1000));
    const double now = static_cast<double>(took.count()) / bytes;
    ns_per_byte_ = ns_per_byte_ * 0.95 + now * 0.05;
  }

  void open_batch(Lane& lane) {
    if (lane.batch != nullptr) return;
    auto batch = std::make_shared<Batch>();
    batch->block = std::move(lane.spare);
    const auto now = Clock::now();
    lane.due = std::max(now + options_.gather, lane.last_sealed + lane.interval);
    const std::scoped_lock lock(mutex_);
    batch->number = log_.new_block_number();
    open_batches_.insert(batch->number);
    lane.batch = std::move(batch);
  }

  /// Hands the open block over. If it has many rows, the tables' pace becomes that of the senders,
  /// as long as the tables take anything: decoding further ahead would be done twice. But if no
  /// block gets free for a while, the rows of this one are left to the log.
  void seal(Lane& lane) {
    const std::size_t rows = lane.batch->block->rows();
    const bool may_wait = rows >= options_.small_block_rows && !committer_.stats().is_failing;
    lane.spare = pool_.take(may_wait ? options_.block_wait : milliseconds(0));
    lane.last_sealed = Clock::now();
    lane.interval =
        rows < options_.small_block_rows ? options_.small_block_interval : options_.block_interval;
    if (lane.spare == nullptr) {
      lane.spare = std::move(lane.batch->block);
      lane.spare->clear();
    }
    {
      const std::scoped_lock lock(mutex_);
      to_log_items_.emplace_back(std::move(lane.batch));
    }
    lane.batch = nullptr;
    to_log_.notify_all();
  }

  // ---- the log's thread
  // ----------------------------------------------------------------------------

  void log_loop() {
    // The process before may have ended before it let go of what had served.
    bool is_retired = retire();
    std::unique_lock lock(mutex_);
    for (;;) {
      const auto has_work = [&] {
        return !to_log_items_.empty() || !committed_.empty() || (lanes_done_ && committer_done_);
      };
      if (is_retired) {
        to_log_.wait(lock, has_work);
      } else if (!to_log_.wait_for(lock, kLogRetry, has_work)) {
        lock.unlock();
        is_retired = retire();
        lock.lock();
        continue;
      }
      std::vector<Item> items = take_items();
      std::vector<std::shared_ptr<Batch>> committed = std::exchange(committed_, {});
      if (items.empty() && committed.empty()) return;
      const bool is_last = lanes_done_ && committer_done_;
      is_logging_ = true;
      lock.unlock();
      const bool ok = log_items(items, committed);
      if (ok) is_retired = retire();
      lock.lock();
      is_logging_ = false;
      if (!ok) put_back(items, committed);
      if (lanes_done_) flushed_.notify_all();
      // What cannot be logged at the very end is found again at the next start.
      if (!ok && is_last && !has_job()) return;
      if (!ok) to_log_.wait_for(lock, kLogRetry, [&] { return has_job() || committer_done_; });
    }
  }

  [[nodiscard]] bool has_job() const {
    return std::any_of(to_log_items_.begin(), to_log_items_.end(),
                       [](const Item& item) { return std::holds_alternative<Job>(item); });
  }

  /// As much as is written at one time, in order.
  std::vector<Item> take_items() {
    std::vector<Item> items;
    std::size_t bytes = 0;
    while (!to_log_items_.empty() && bytes < kBytesOfASync) {
      if (const Job* job = std::get_if<Job>(&to_log_items_.front())) {
        bytes += job->request.payload.size();
      }
      items.push_back(std::move(to_log_items_.front()));
      to_log_items_.pop_front();
    }
    return items;
  }

  /// True if all is in the log; then requests are answered and sealed batches handed on. Otherwise
  /// requests are answered, and only the rest of `items` is left.
  bool log_items(std::vector<Item>& items, const std::vector<std::shared_ptr<Batch>>& committed) {
    std::vector<Log::Entry> entries = entries_of(items);
    for (const std::shared_ptr<Batch>& batch : committed) {
      Log::Entry& entry = entries.emplace_back();
      entry.head.type = RecordHead::Type::kCommit;
      entry.head.block = batch->number;
      entry.head.time = batch->identity;
    }
    try {
      log_.append(entries);
    } catch (const std::exception& error) {
      refuse_all(items, error.what());
      return false;
    }
    note_success();
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (Job* job = std::get_if<Job>(&items[i])) {
        job->batch->requests.push_back(entries[i].position);
        accept(*job, entries[i]);
      } else {
        committer_.submit(std::get<std::shared_ptr<Batch>>(items[i]));
      }
    }
    for (const std::shared_ptr<Batch>& batch : committed) log_.release(batch->number);
    return true;
  }

  std::vector<Log::Entry> entries_of(const std::vector<Item>& items) {
    std::vector<Log::Entry> entries;
    entries.reserve(items.size());
    // The clock may have been ahead when there began to be side tables.
    std::int64_t last_identity = std::max(log_.last_identity(), registry_.side_tables_since() - 1);
    for (std::size_t i = 0; i < items.size(); ++i) {
      Log::Entry& entry = entries.emplace_back();
      RecordHead& head = entry.head;
      if (const Job* job = std::get_if<Job>(&items[i])) {
        head.type = RecordHead::Type::kRequest;
        head.signal = job->request.signal;
        head.content = job->request.content;
        head.rejected = static_cast<std::uint32_t>(job->decoded.rejected);
        head.block = job->batch->number;
        head.time = job->received_ns;
        head.hash = job->hash;
        entry.payload = job->request.payload;
        continue;
      }
      Batch& batch = *std::get<std::shared_ptr<Batch>>(items[i]);
      last_identity = std::max(unix_ns() / 1000, last_identity + 1);
      batch.identity = last_identity;
      head.type = RecordHead::Type::kSeal;
      head.block = batch.number;
      head.time = batch.identity;
      head.number = batch.requests.size();
      for (std::size_t j = 0; j < i; ++j) {
        const Job* job = std::get_if<Job>(&items[j]);
        if (job != nullptr && job->batch.get() == &batch) ++head.number;
      }
      head.first_segment = batch.requests.empty() ? 0 : batch.requests.front().segment;
    }
    return entries;
  }

  void accept(Job& job, const Log::Entry& entry) {
    const Log::LoggedRequest logged{job.hash, job.received_ns, entry.head.rejected,
                                    entry.position.segment};
    const std::uint64_t records = job.decoded.accepted;
    answer_with_others(job, {}, window_.commit(logged, unix_ns()));
    if (options_.tap != nullptr) options_.tap->on_request(job.request, records);
  }

  void refuse_all(std::vector<Item>& items, const std::string& error) {
    const bool is_new = note_failure(error);
    if (is_new) options_.report("the log cannot be written; requests are refused: " + error);
    for (Item& item : items) {
      Job* job = std::get_if<Job>(&item);
      if (job == nullptr) continue;
      job->batch->is_spoilt = true;
      answer_with_others(*job, log_refusal(error), window_.drop(job->hash));
    }
    std::erase_if(items, [](const Item& item) { return std::holds_alternative<Job>(item); });
  }

  void put_back(std::vector<Item>& items, std::vector<std::shared_ptr<Batch>>& committed) {
    to_log_items_.insert(to_log_items_.begin(), std::make_move_iterator(items.begin()),
                         std::make_move_iterator(items.end()));
    committed_.insert(committed_.begin(), committed.begin(), committed.end());
  }

  void note_success() {
    bool was_failing = false;
    {
      const std::scoped_lock lock(mutex_);
      ++stats_.log_syncs;
      was_failing = std::exchange(stats_.is_log_failing, false);
      if (was_failing) stats_.last_error.clear();
    }
    if (was_failing) options_.report("the log can be written again; requests are taken");
  }

  bool note_failure(const std::string& error) {
    const std::scoped_lock lock(mutex_);
    ++stats_.log_failures;
    stats_.last_error = error;
    log_failed_at_ = Clock::now();
    return !std::exchange(stats_.is_log_failing, true);
  }

  /// Lets go of what has served. False if it is to be tried again.
  bool retire() {
    const std::uint64_t first_needed = log_.first_needed();
    if (first_needed <= log_.retired_below()) return true;
    try {
      for (const std::uint64_t segment : log_.segments_below(first_needed)) {
        window_.carry(segment, unix_ns());
      }
      Log::Entry entry;
      entry.head.type = RecordHead::Type::kRetire;
      entry.head.number = first_needed;
      log_.append({&entry, 1});
      log_.retire(first_needed);
      is_retire_reported_ = false;
      return true;
    } catch (const std::exception& error) {
      if (!std::exchange(is_retire_reported_, true)) {
        options_.report(std::string("segments of the log that have served cannot be removed: ") +
                        error.what());
      }
      return false;
    }
  }

  // ---- a block that the engine refuses
  // ---------------------------------------------------------------

  /// Keeps the requests of `batch` in a file beside the log: for each its signal and content (a
  /// byte each) and its length (4 bytes), then its payload.
  void set_aside(const Batch& batch) {
    const std::filesystem::path folder = options_.log_folder / "refused";
    files_.create_folder(folder);
    std::string bytes;
    for (const Log::Position& position : batch.requests) {
      RecordHead head;
      const std::string payload = log_.read(position, head);
      bytes += static_cast<char>(head.signal);
      bytes += static_cast<char>(head.content);
      const auto size = static_cast<std::uint32_t>(payload.size());
      bytes.append(reinterpret_cast<const char*>(&size), sizeof size);
      bytes += payload;
    }
    const std::filesystem::path path = folder / (std::to_string(batch.identity) + ".requests");
    write_whole_file(files_, path, bytes);
    options_.report("the engine refuses a block of " + std::to_string(batch.requests.size()) +
                    " requests again and again; they are kept in " + path.string());
    progress_.on_refused(batch);
  }

  // ---- answers
  // -------------------------------------------------------------------------------------

  void answer_with_others(Job& job, WriteOutcome outcome, const std::vector<Done>& others) {
    for (const Done& other : others) {
      WriteOutcome same = outcome;
      same.decoded = job.decoded;
      same.repeated = outcome.status == Status::kCommitted;
      count(same);
      other(std::move(same));
    }
    outcome.decoded = std::move(job.decoded);
    answer(job, std::move(outcome));
  }

  void answer(Job& job, WriteOutcome outcome) {
    count(outcome);
    job.done(std::move(outcome));
    forget(job);
  }

  /// The request leaves the queue's budget.
  void forget(const Job& job) {
    const std::scoped_lock lock(mutex_);
    stats_.queued_bytes -= job.request.payload.size();
    --stats_.queued_requests;
  }

  void count(const WriteOutcome& outcome) {
    const std::scoped_lock lock(mutex_);
    switch (outcome.status) {
      case Status::kCommitted:
        if (outcome.repeated) {
          ++stats_.repeated_requests;
          return;
        }
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
      case Status::kAbandoned:
        ++stats_.abandoned_requests;
        return;
    }
  }

  const Decoder& decoder_;
  Files& files_;
  const Options options_;
  Registry registry_;
  BlockPool pool_;
  Log log_;
  RequestWindow window_;

  mutable std::mutex mutex_;
  std::deque<std::condition_variable> wake_ = std::deque<std::condition_variable>(options_.lanes);
  std::condition_variable to_log_;
  std::condition_variable flushed_;
  std::deque<Job> queue_;
  std::size_t queue_bytes_ = 0;
  std::deque<Item> to_log_items_;
  std::vector<std::shared_ptr<Batch>> committed_;
  std::set<std::uint64_t> open_batches_;  // By number: opened or recovered, and not yet done.
  std::uint64_t flushes_wanted_ = 0;
  std::vector<std::uint64_t> lane_flushed_ = std::vector<std::uint64_t>(options_.lanes, 0);
  std::atomic<double> ns_per_byte_{1.0};
  Clock::time_point log_failed_at_;
  bool closing_ = false;
  bool lanes_done_ = false;
  bool committer_done_ = false;
  bool is_logging_ = false;
  bool is_retire_reported_ = false;      // The log's thread alone uses it.
  RecoveryProgress progress_{options_};  // The committer's thread alone uses it, once begun.
  Stats stats_;

  Committer committer_;
  std::mutex close_mutex_;
  std::thread log_thread_;
  std::vector<std::thread> lanes_;
};

Writer::Writer(Engine& engine, const Decoder& decoder, Files& files, Options options)
    : implementation_(
          std::make_unique<Implementation>(engine, decoder, files, std::move(options))) {}

Writer::~Writer() {
  close();
}

void Writer::write(IngestRequest request, Done done) {
  implementation_->write(std::move(request), std::move(done));
}

bool Writer::flush(milliseconds timeout) {
  return implementation_->flush(timeout);
}

void Writer::close() {
  implementation_->close();
}

Writer::Stats Writer::stats() const {
  return implementation_->stats();
}

}  // namespace signalbox::server::store
