#include "sdk/batch/batch_pipeline.h"

#include <signalbox/common/diagnostics.h>

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <mutex>
#include <new>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "sdk/batch/pipeline_shared.h"
#include "sdk/batch/worker.h"
#include "sdk/common/attribute_encoder.h"
#include "sdk/common/clock.h"
#include "sdk/common/fork.h"
#include "sdk/resource/encode.h"

namespace signalbox::sdk {

namespace wire = otlp::wire;
using detail::Chunk;
using detail::ThreadBuffer;
using detail::ThreadSlot;

constinit thread_local ThreadSlot detail::thread_slots[kThreadSlots];

detail::ThreadBuffer::~ThreadBuffer() {
  Chunk* chunk = read_chunk != nullptr ? read_chunk : first_chunk.load(std::memory_order_acquire);
  while (chunk != nullptr) {
    Chunk* next = chunk->next.load(std::memory_order_acquire);
    std::free(chunk);
    chunk = next;
  }
}

namespace {

ForkSafeMutex pipelines_mutex;
ForkSafeMutex scopes_mutex;
std::uint64_t last_pipeline_id = 0;

std::vector<BatchPipeline*>& pipelines() {
  static auto& list = *new std::vector<BatchPipeline*>;
  return list;
}

/// Set when this thread's buffers are gone: what is recorded later in its end is dropped.
constinit thread_local bool thread_over = false;

}  // namespace

/// The calling thread's buffers, which others may take over when it ends.
struct OwnedBuffers {
  struct Entry {
    std::uint64_t pipeline_id;
    BatchPipeline::Shared* shared;
    std::shared_ptr<ThreadBuffer> buffer;
  };
  std::vector<Entry> entries;

  OwnedBuffers() = default;
  OwnedBuffers(const OwnedBuffers&) = delete;
  OwnedBuffers& operator=(const OwnedBuffers&) = delete;
  ~OwnedBuffers() {
    thread_over = true;
    std::ranges::fill(detail::thread_slots, ThreadSlot{});
    for (Entry& entry : entries) {
      const std::scoped_lock lock(entry.shared->mutex);
      entry.shared->idle_buffers.push_back(std::move(entry.buffer));  // Capacity is reserved.
    }
  }

  /// Lets go of the buffers of pipelines that have stopped.
  void purge() {
    std::erase_if(entries, [](const Entry& entry) {
      const std::scoped_lock lock(entry.shared->mutex);
      if (!entry.shared->stopped || entry.shared->abandoned) return false;
      for (ThreadSlot& slot : detail::thread_slots) {
        if (slot.buffer == entry.buffer.get()) slot = {};
      }
      entry.shared->remove(entry.buffer.get());
      return true;
    });
  }
};

namespace {

thread_local OwnedBuffers owned_buffers;

std::string message_field(std::uint32_t field, std::string_view content) {
  std::string bytes;
  wire::append_bytes_field(bytes, field, content);
  return bytes;
}

std::string text_field(std::uint32_t field, std::string_view text) {
  if (text.empty()) return {};
  const WireText measured(text);
  std::string bytes(wire::bytes_field_size(field, measured.size()), '\0');
  write_text_field(bytes.data(), field, measured);
  return bytes;
}

std::uint32_t credit_block(const BatchOptions& options) {
  const std::size_t block =
      std::min({options.max_queue_items / 16, options.max_export_batch_size / 4, std::size_t{64}});
  return static_cast<std::uint32_t>(std::max(block, std::size_t{1}));
}

std::uint64_t next_pipeline_id() {
  const std::scoped_lock lock(pipelines_mutex);
  return ++last_pipeline_id;
}

std::optional<Error> check(const BatchOptions& options) {
  constexpr std::size_t kMinBytes = 64 * 1024;
  constexpr std::size_t kMaxBatchBytes = std::size_t{1} << 30;
  if (options.max_queue_bytes < kMinBytes) {
    return Error{"BatchOptions::max_queue_bytes must be at least 65536."};
  }
  if (options.max_queue_items == 0) return Error{"BatchOptions::max_queue_items must not be 0."};
  if (options.schedule_delay <= std::chrono::milliseconds(0)) {
    return Error{"BatchOptions::schedule_delay must be positive."};
  }
  if (options.max_export_batch_size == 0) {
    return Error{"BatchOptions::max_export_batch_size must not be 0."};
  }
  if (options.max_export_batch_bytes < kMinBytes ||
      options.max_export_batch_bytes > kMaxBatchBytes) {
    return Error{"BatchOptions::max_export_batch_bytes must be from 65536 to 1073741824."};
  }
  if (options.export_timeout <= std::chrono::milliseconds(0)) {
    return Error{"BatchOptions::export_timeout must be positive."};
  }
  return std::nullopt;
}

}  // namespace

/// What a forked child does before its only thread goes on.
struct PipelineFork {
  static void in_child() noexcept {
    // The buffers may be in any state, for the exporting thread was reading them; their memory
    // stays behind, untouched and shared with the parent.
    std::ranges::fill(detail::thread_slots, ThreadSlot{});
    auto* left_behind = new (std::nothrow) std::vector<OwnedBuffers::Entry>;
    if (left_behind != nullptr) *left_behind = std::exchange(owned_buffers.entries, {});
    std::vector<Exporter*> told;
    for (BatchPipeline* pipeline : pipelines()) {
      std::shared_ptr<Exporter> exporter = pipeline->shared_->exporter;
      if (exporter != nullptr && std::ranges::find(told, exporter.get()) == told.end()) {
        exporter->after_fork_in_child();
        told.push_back(exporter.get());
      }
      pipeline->restart_in_child(std::move(exporter));
    }
  }
};

BatchPipeline::BatchPipeline(Signal signal, const Resource& resource, const BatchOptions& options,
                             std::shared_ptr<Exporter> exporter)
    : id_(next_pipeline_id()),
      signal_(signal),
      options_(options),
      credit_block_(credit_block(options)),
      resource_bytes_(message_field(1, encode_resource(resource))),
      schema_bytes_(text_field(3, resource.schema_url())),
      shared_(new Shared),
      free_items_(static_cast<std::int64_t>(options.max_queue_items)) {
  shared_->exporter = std::move(exporter);
}

Result<BatchPipeline*> BatchPipeline::create(Signal signal, const Resource& resource,
                                             const BatchOptions& options,
                                             std::shared_ptr<Exporter> exporter) {
  if (exporter == nullptr) return Error{"An exporter is required: set the option `exporter`."};
  if (std::optional<Error> error = check(options)) return *std::move(error);
  static const bool fork_aware = (at_fork_in_child(PipelineFork::in_child), true);
  (void)fork_aware;

  tie_clock();
  auto pipeline = std::unique_ptr<BatchPipeline>(
      new BatchPipeline(signal, resource, options, std::move(exporter)));
  try {
    const std::scoped_lock lock(pipeline->shared_->mutex);
    pipeline->start_worker(*pipeline->shared_);
  } catch (const std::exception& error) {
    return Error{std::string("The exporting thread could not be started: ") + error.what() +
                 ". Raise the limit of threads (ulimit -u)."};
  }
  const std::scoped_lock lock(pipelines_mutex);
  pipelines().push_back(pipeline.get());
  return pipeline.release();
}

std::uint32_t BatchPipeline::add_scope(const InstrumentationScope& scope) {
  Scope encoded{message_field(1, encode_scope(scope)), text_field(3, scope.schema_url)};
  const std::scoped_lock lock(scopes_mutex);
  scopes_.push_back(std::move(encoded));
  return static_cast<std::uint32_t>(scopes_.size() - 1);
}

const BatchPipeline::Scope& BatchPipeline::scope(std::uint32_t index) const {
  const std::scoped_lock lock(scopes_mutex);
  return scopes_[index];
}

void BatchPipeline::start_worker(Shared& shared) {
  if (shared.thread.joinable() || shared.stopped) return;
  // The program's signals are for the program's threads.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    shared.thread = std::thread([this, &shared] { Worker(*this, shared).run(); });
  } catch (...) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

char* BatchPipeline::reserve_slowly(std::size_t size) noexcept {
  if (!accepting() || thread_over) {
    late_.fetch_add(1, std::memory_order_relaxed);
    return nullptr;
  }
  if (size > options_.max_export_batch_bytes) {
    dropped_large_.fetch_add(1, std::memory_order_relaxed);
    return nullptr;
  }
  ThreadBuffer* buffer = nullptr;
  try {
    buffer = find_or_add_buffer();
  } catch (const std::exception&) {
    // No memory or no thread: for this item the same as a full queue.
  }
  if (buffer == nullptr || !take_credits(*buffer) || !take_chunk(*buffer, size)) {
    dropped_full_.fetch_add(1, std::memory_order_relaxed);
    return nullptr;
  }
  return buffer->position + kFrameSize;
}

ThreadBuffer* BatchPipeline::find_or_add_buffer() {
  ThreadSlot& slot = detail::thread_slots[id_ % detail::kThreadSlots];
  if (slot.pipeline_id == id_) return slot.buffer;
  auto& entries = owned_buffers.entries;
  auto found = std::ranges::find(entries, id_, &OwnedBuffers::Entry::pipeline_id);
  if (found == entries.end()) {
    owned_buffers.purge();
    entries.reserve(entries.size() + 1);
    const std::scoped_lock lock(shared_->mutex);
    start_worker(*shared_);  // In a forked child, the first who needs it.
    entries.push_back({id_, shared_, shared_->take_buffer()});
    found = entries.end() - 1;
  }
  slot = {id_, found->buffer.get()};
  return slot.buffer;
}

bool BatchPipeline::take_credits(ThreadBuffer& buffer) noexcept {
  if (buffer.credits != 0) return true;
  std::int64_t available = free_items_.load(std::memory_order_relaxed);
  std::int64_t taken = 0;
  do {
    taken = std::min<std::int64_t>(available, credit_block_);
    if (taken <= 0) {
      request_export(*shared_);
      return false;
    }
  } while (
      !free_items_.compare_exchange_weak(available, available - taken, std::memory_order_relaxed));
  buffer.credits = static_cast<std::uint32_t>(taken);
  const auto waiting = static_cast<std::int64_t>(options_.max_queue_items) - available;
  if (waiting >= static_cast<std::int64_t>(options_.max_export_batch_size)) {
    request_export(*shared_);
  }
  return true;
}

bool BatchPipeline::take_chunk(ThreadBuffer& buffer, std::size_t size) noexcept {
  const std::size_t needed = size + kFrameSize;
  if (static_cast<std::size_t>(buffer.end - buffer.position) >= needed) return true;

  Chunk* current = buffer.write_chunk;
  // A thread of which nothing waits may always have a chunk, or a full queue could stay full for
  // ever: what it has now is given back as soon as it is sealed.
  const bool entitled =
      current == nullptr || current->consumed.load(std::memory_order_acquire) ==
                                current->committed.load(std::memory_order_relaxed);
  Chunk* chunk = shared_->chunks.take(needed, options_.max_queue_bytes, entitled);
  if (chunk == nullptr) {
    request_export(*shared_);
    return false;
  }
  buffer.write_chunk = chunk;
  buffer.position = chunk->data();
  buffer.end = chunk->data() + chunk->capacity;
  if (current == nullptr) {
    buffer.first_chunk.store(chunk, std::memory_order_release);
  } else {
    current->next.store(chunk, std::memory_order_release);
  }
  if (shared_->chunks.used_bytes() >= options_.max_export_batch_bytes) request_export(*shared_);
  return true;
}

void BatchPipeline::request_export(Shared& shared) noexcept {
  if (shared.export_requested.exchange(true, std::memory_order_acq_rel)) return;
  // Taking the mutex once makes sure that the worker either has not looked yet or is waiting.
  {
    const std::scoped_lock lock(shared.mutex);
  }
  shared.wake.notify_one();
}

bool BatchPipeline::force_flush(std::chrono::milliseconds timeout) noexcept {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  Shared& shared = *shared_;
  std::unique_lock lock(shared.mutex);
  if (shared.stop || shared.stopped) return false;
  try {
    start_worker(shared);
  } catch (const std::exception&) {
    return false;
  }
  const std::uint64_t lost_before = dropped_failed_.load(std::memory_order_relaxed);
  const std::uint64_t target = ++shared.flush_requested;
  shared.wake.notify_one();
  const bool finished = shared.done.wait_until(
      lock, deadline, [&] { return shared.flush_done >= target || shared.stopped; });
  return finished && shared.flush_done >= target &&
         dropped_failed_.load(std::memory_order_relaxed) == lost_before;
}

bool BatchPipeline::shutdown(std::chrono::milliseconds timeout) noexcept {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  const auto patience = timeout - std::min(timeout / 4, std::chrono::milliseconds(500));
  Shared& shared = *shared_;
  std::unique_lock lock(shared.mutex);
  if (shared.stop || shared.stopped) return false;
  accepting_.store(false, std::memory_order_relaxed);
  const std::uint64_t lost_before = dropped_failed_.load(std::memory_order_relaxed);
  shared.stop = true;
  shared.stop_deadline = deadline;
  const std::shared_ptr<Exporter> exporter = shared.exporter;
  if (!shared.thread.joinable()) {
    shared.stopped = true;  // A forked child that recorded nothing.
    shared.exporter.reset();
    return true;
  }
  shared.wake.notify_one();
  const auto stopped = [&] { return shared.stopped; };
  if (!shared.done.wait_until(lock, deadline - (timeout - patience), stopped)) {
    lock.unlock();
    exporter->cancel();
    lock.lock();
    shared.done.wait_until(lock, deadline, stopped);
  }
  if (!shared.stopped) {
    // The exporter hangs in spite of all: its thread is left to itself.
    shared.abandoned = true;
    shared.stopped = true;
    const std::uint64_t lost = shared.settle_rest();
    dropped_failed_.fetch_add(lost, std::memory_order_relaxed);
    shared.thread.detach();
    lock.unlock();
    report_diagnostic(DiagnosticLevel::kError, "shutdown",
                      "The exporter did not return before the shutdown's timeout; " +
                          std::to_string(lost) + " items were not delivered.");
    return false;
  }
  std::thread worker = std::move(shared.thread);
  lock.unlock();
  worker.join();
  return dropped_failed_.load(std::memory_order_relaxed) == lost_before;
}

BatchStatistics BatchPipeline::statistics() const noexcept {
  BatchStatistics statistics;
  Shared& shared = *shared_;
  const std::scoped_lock lock(shared.mutex);
  statistics.exported = exported_.load(std::memory_order_relaxed);
  statistics.dropped_queue_full = dropped_full_.load(std::memory_order_relaxed);
  statistics.dropped_too_large = dropped_large_.load(std::memory_order_relaxed);
  statistics.dropped_export_failed = dropped_failed_.load(std::memory_order_relaxed);
  statistics.dropped_after_shutdown = late_.load(std::memory_order_relaxed);
  if (shared.stopped) statistics.dropped_after_shutdown += shared.unsettled();
  return statistics;
}

void BatchPipeline::restart_in_child(std::shared_ptr<Exporter> exporter) {
  const bool stopped = !accepting();
  shared_ = new Shared;
  shared_->exporter = std::move(exporter);
  shared_->stop = stopped;
  shared_->stopped = stopped;
  free_items_.store(static_cast<std::int64_t>(options_.max_queue_items), std::memory_order_relaxed);
  for (auto* counter : {&exported_, &dropped_full_, &dropped_large_, &dropped_failed_, &late_}) {
    counter->store(0, std::memory_order_relaxed);
  }
}

}  // namespace signalbox::sdk
