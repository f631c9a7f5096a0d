#include "sdk/batch/worker.h"

#include <pthread.h>
#include <signalbox/common/diagnostics.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "otlp/wire.h"
#include "sdk/common/clock.h"

namespace signalbox::sdk {

namespace wire = otlp::wire;
using detail::Chunk;
using detail::ItemFrame;
using detail::ThreadBuffer;

namespace {

// The clock is tied again early on, to come into use, and then once a second.
constexpr std::chrono::milliseconds kFirstTie{50};
constexpr std::chrono::seconds kTieInterval{1};
constexpr std::size_t kIdleChunks = 16;

const char* items_name(Signal signal) {
  return signal == Signal::kLogs ? "log records" : "spans";
}

}  // namespace

BatchPipeline::Worker::Worker(BatchPipeline& pipeline, Shared& shared)
    : pipeline_(pipeline), shared_(shared) {
  const std::scoped_lock lock(shared.mutex);
  exporter_ = shared.exporter;
}

void BatchPipeline::Worker::run() noexcept {
  pthread_setname_np(pthread_self(),
                     pipeline_.signal_ == Signal::kLogs ? "otel-logs" : "otel-spans");
  TimePoint next_export = std::chrono::steady_clock::now() + pipeline_.options_.schedule_delay;
  TimePoint next_tie = std::chrono::steady_clock::now() + kFirstTie;
  std::uint64_t flush = 0;
  for (;;) {
    bool drain_all = false;
    const bool stop = wait_for_work(std::min(next_export, next_tie), drain_all, flush);
    const TimePoint now = std::chrono::steady_clock::now();
    if (now >= next_tie) {
      tie_clock();
      next_tie = now + kTieInterval;
    }
    if (now >= next_export) {
      drain_all = true;
    }
    drain(drain_all || stop);
    if (now >= next_export) {
      release_idle_buffers();
      shared_.chunks.trim(kIdleChunks);
    }
    if (drain_all) next_export = now + pipeline_.options_.schedule_delay;
    report_losses();
    if (stop) break;
    const std::scoped_lock lock(shared_.mutex);
    shared_.flush_done = flush;
    shared_.done.notify_all();
  }
  finish(flush);
}

/// Waits until `until` or for a request; returns whether to stop.
bool BatchPipeline::Worker::wait_for_work(TimePoint until, bool& drain_all, std::uint64_t& flush) {
  std::unique_lock lock(shared_.mutex);
  shared_.wake.wait_until(lock, until, [&] {
    return shared_.stop || shared_.flush_requested != shared_.flush_done ||
           shared_.export_requested.load(std::memory_order_acquire);
  });
  shared_.export_requested.store(false, std::memory_order_release);
  flush = shared_.flush_requested;
  drain_all = flush != shared_.flush_done;
  return shared_.stop;
}

/// Exports what has been committed so far; unless `all`, only while there are batches at least half
/// full.
void BatchPipeline::Worker::drain(bool all) {
  find_sources();
  while (!past_stop_deadline() && gather()) {
    const BatchOptions& options = pipeline_.options_;
    const bool worth_it = items_.size() * 2 >= options.max_export_batch_size ||
                          item_bytes_ * 2 >= options.max_export_batch_bytes ||
                          shared_.chunks.used_bytes() * 2 >= options.max_queue_bytes;
    if (!all && !worth_it) return;
    build_request();
    release_gathered();
    export_request();
  }
}

void BatchPipeline::Worker::find_sources() {
  sources_.clear();
  {
    const std::scoped_lock lock(shared_.mutex);
    // Only this thread removes buffers: the pointers stay valid.
    for (const auto& buffer : shared_.buffers) sources_.push_back({buffer.get(), {}, {}});
  }
  for (Source& source : sources_) {
    ThreadBuffer& buffer = *source.buffer;
    if (buffer.read_chunk == nullptr) {
      buffer.read_chunk = buffer.first_chunk.load(std::memory_order_acquire);
    }
    Chunk* last = buffer.read_chunk;
    if (last == nullptr) continue;
    while (Chunk* next = last->next.load(std::memory_order_acquire)) last = next;
    source.limit = {last, last->committed.load(std::memory_order_acquire)};
  }
}

/// Fills `items_` up to one batch; false if there is nothing.
bool BatchPipeline::Worker::gather() {
  items_.clear();
  item_bytes_ = 0;
  for (Source& source : sources_) {
    source.next = {source.buffer->read_chunk, source.buffer->read_offset};
    if (!gather_from(source)) {
      // Full: nothing of the later ones.
      for (Source* later = &source + 1; later != sources_.data() + sources_.size(); ++later) {
        later->next = {later->buffer->read_chunk, later->buffer->read_offset};
      }
      break;
    }
  }
  return !items_.empty();
}

/// False if the batch is full.
bool BatchPipeline::Worker::gather_from(Source& source) {
  const BatchOptions& options = pipeline_.options_;
  Place& place = source.next;
  if (source.limit.chunk == nullptr) return true;
  for (;;) {
    const bool last = place.chunk == source.limit.chunk;
    const std::uint32_t end =
        last ? source.limit.offset : place.chunk->committed.load(std::memory_order_acquire);
    while (place.offset < end) {
      ItemFrame frame;
      const char* at = place.chunk->data() + place.offset;
      std::memcpy(&frame, at, sizeof(frame));
      if (items_.size() == options.max_export_batch_size ||
          (!items_.empty() && item_bytes_ + frame.size > options.max_export_batch_bytes)) {
        return false;
      }
      items_.push_back({at + sizeof(frame), frame.size, frame.scope});
      item_bytes_ += frame.size;
      place.offset += static_cast<std::uint32_t>(sizeof(frame)) + frame.size;
    }
    if (last) return true;
    place = {place.chunk->next.load(std::memory_order_acquire), 0};
  }
}

/// Export…ServiceRequest{Resource…{resource, Scope…{scope, items, schema}, …, schema}}: the numbers
/// of the fields are the same for spans and for log records.
void BatchPipeline::Worker::build_request() {
  scopes_in_order_.clear();
  for (const Item& item : items_) {
    if (item.scope >= scope_bytes_.size()) scope_bytes_.resize(item.scope + 1, 0);
    if (scope_bytes_[item.scope] == 0) scopes_in_order_.push_back(item.scope);
    scope_bytes_[item.scope] += item.size;
  }
  std::size_t content = pipeline_.resource_bytes_.size() + pipeline_.schema_bytes_.size();
  for (const std::uint32_t number : scopes_in_order_) {
    const Scope& scope = pipeline_.scope(number);
    scope_bytes_[number] += scope.bytes.size() + scope.schema.size();
    content += wire::bytes_field_size(2, scope_bytes_[number]);
  }
  request_size_ = wire::bytes_field_size(1, content);
  if (request_size_ > request_capacity_) {
    request_capacity_ = std::max(request_size_, std::size_t{64} * 1024);
    request_ = std::make_unique_for_overwrite<char[]>(request_capacity_);
  }
  char* out = wire::write_length_prefix(request_.get(), 1, content);
  out = wire::write_raw(out, pipeline_.resource_bytes_.data(), pipeline_.resource_bytes_.size());
  write_scopes(out);
}

/// Items of one scope must stand together, in their order: each scope has its place, of known size,
/// and each item goes to the place of its scope.
void BatchPipeline::Worker::write_scopes(char* out) {
  scope_ends_.resize(scope_bytes_.size());
  for (const std::uint32_t number : scopes_in_order_) {
    const Scope& scope = pipeline_.scope(number);
    const std::size_t content = std::exchange(scope_bytes_[number], 0);
    out = wire::write_length_prefix(out, 2, content);
    scope_ends_[number] = wire::write_raw(out, scope.bytes.data(), scope.bytes.size());
    out += content;
    wire::write_raw(out - scope.schema.size(), scope.schema.data(), scope.schema.size());
  }
  for (const Item& item : items_) {
    char*& end = scope_ends_[item.scope];
    end = wire::write_raw(end, item.data, item.size);
  }
  wire::write_raw(out, pipeline_.schema_bytes_.data(), pipeline_.schema_bytes_.size());
}

/// Gives the memory of the gathered items back to those who record.
void BatchPipeline::Worker::release_gathered() {
  pipeline_.free_items_.fetch_add(static_cast<std::int64_t>(items_.size()),
                                  std::memory_order_relaxed);
  for (Source& source : sources_) {
    ThreadBuffer& buffer = *source.buffer;
    while (buffer.read_chunk != source.next.chunk) {
      Chunk* read =
          std::exchange(buffer.read_chunk, buffer.read_chunk->next.load(std::memory_order_acquire));
      shared_.chunks.give_back(read);
    }
    buffer.read_offset = source.next.offset;
    if (buffer.read_chunk != nullptr) {
      buffer.read_chunk->consumed.store(buffer.read_offset, std::memory_order_release);
    }
  }
}

/// Removes the buffers of threads that have ended, if nothing is left in them.
void BatchPipeline::Worker::release_idle_buffers() {
  std::vector<std::shared_ptr<ThreadBuffer>> removed;
  {
    const std::scoped_lock lock(shared_.mutex);
    std::erase_if(shared_.idle_buffers, [&](std::shared_ptr<ThreadBuffer>& buffer) {
      // Nobody writes to an idle buffer, and the mutex shows all that was written.
      const Chunk* chunk = buffer->write_chunk;
      if (chunk != buffer->read_chunk) return false;
      if (chunk != nullptr &&
          buffer->read_offset != chunk->committed.load(std::memory_order_acquire)) {
        return false;
      }
      shared_.remove(buffer.get());
      removed.push_back(std::move(buffer));
      return true;
    });
  }
  for (const auto& buffer : removed) {
    pipeline_.free_items_.fetch_add(buffer->credits, std::memory_order_relaxed);
    if (buffer->read_chunk != nullptr) shared_.chunks.give_back(buffer->read_chunk);
    buffer->read_chunk = nullptr;
    buffer->first_chunk.store(nullptr, std::memory_order_relaxed);
  }
}

void BatchPipeline::Worker::export_request() {
  TimePoint deadline = std::chrono::steady_clock::now() + pipeline_.options_.export_timeout;
  {
    const std::scoped_lock lock(shared_.mutex);
    deadline = std::min(deadline, shared_.stop_deadline);
  }
  const std::uint64_t items = items_.size();
  const ExportResult result = exporter_->export_request(
      pipeline_.signal_, {request_.get(), request_size_}, items, deadline);
  settle(result, items);
}

void BatchPipeline::Worker::settle(const ExportResult& result, std::uint64_t items) {
  using Status = ExportResult::Status;
  std::uint64_t lost = items;
  if (result.status == Status::kSuccess) lost = 0;
  if (result.status == Status::kPartialSuccess) lost = std::min(items, result.rejected_items);
  {
    const std::scoped_lock lock(shared_.mutex);
    if (shared_.abandoned) return;  // Counted as lost when it was.
    shared_.settled += items;
    pipeline_.exported_.fetch_add(items - lost, std::memory_order_relaxed);
    pipeline_.dropped_failed_.fetch_add(lost, std::memory_order_relaxed);
  }
  // A partial success that rejects nothing is a receiver's warning.
  if (lost == 0 && result.message.empty()) return;
  const char* what = items_name(pipeline_.signal_);
  report_diagnostic(
      DiagnosticLevel::kWarning,
      pipeline_.signal_ == Signal::kLogs ? "logs.export" : "traces.export",
      lost == 0 ? std::string(what) + " were accepted, but: " + result.message
                : std::to_string(lost) + " " + what + " were not delivered: " + result.message);
}

void BatchPipeline::Worker::report_losses() {
  const std::string what = items_name(pipeline_.signal_);
  const bool logs = pipeline_.signal_ == Signal::kLogs;
  const std::uint64_t full = pipeline_.dropped_full_.load(std::memory_order_relaxed);
  if (full != reported_.full) {
    report_diagnostic(DiagnosticLevel::kWarning, logs ? "logs.queue" : "traces.queue",
                      std::to_string(full) + " " + what +
                          " were dropped so far because the queue was full: the exporter does not "
                          "keep up. Raise BatchOptions::max_queue_bytes or max_queue_items, or "
                          "sample.");
    reported_.full = full;
  }
  const std::uint64_t large = pipeline_.dropped_large_.load(std::memory_order_relaxed);
  if (large != reported_.large) {
    report_diagnostic(DiagnosticLevel::kWarning, logs ? "logs.large" : "traces.large",
                      std::to_string(large) + " " + what +
                          " were dropped so far because each was larger than "
                          "BatchOptions::max_export_batch_bytes.");
    reported_.large = large;
  }
}

bool BatchPipeline::Worker::past_stop_deadline() {
  const std::scoped_lock lock(shared_.mutex);
  return shared_.abandoned || std::chrono::steady_clock::now() >= shared_.stop_deadline;
}

void BatchPipeline::Worker::finish(std::uint64_t flush) {
  const std::scoped_lock lock(shared_.mutex);
  if (shared_.abandoned) return;
  pipeline_.dropped_failed_.fetch_add(shared_.settle_rest(), std::memory_order_relaxed);
  // The threads keep their buffers; what they still commit is counted by `unsettled`.
  shared_.exporter.reset();
  shared_.flush_done = flush;
  shared_.stopped = true;
  shared_.chunks.trim(0);
  shared_.done.notify_all();
}

}  // namespace signalbox::sdk
