#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "sdk/batch/batch_pipeline.h"
#include "sdk/batch/pipeline_shared.h"

namespace signalbox::sdk {

/// The exporting thread of a pipeline.
class BatchPipeline::Worker {
 public:
  Worker(BatchPipeline& pipeline, Shared& shared);

  /// Until the pipeline is shut down.
  void run() noexcept;

 private:
  using TimePoint = std::chrono::steady_clock::time_point;

  struct Item {
    const char* data;
    std::uint32_t size;
    std::uint32_t scope;
  };
  /// A place in a buffer's chain of chunks.
  struct Place {
    detail::Chunk* chunk = nullptr;
    std::uint32_t offset = 0;
  };
  struct Source {
    detail::ThreadBuffer* buffer;
    Place limit;  // Items committed after the drain began wait for the next one.
    Place next;   // Where the batch being gathered ends.
  };
  struct Losses {
    std::uint64_t full = 0;
    std::uint64_t large = 0;
  };

  bool wait_for_work(TimePoint until, bool& drain_all, std::uint64_t& flush);
  void drain(bool all);
  void find_sources();
  bool gather();
  bool gather_from(Source& source);
  void build_request();
  void write_scopes(char* out);
  void release_gathered();
  void release_idle_buffers();
  void export_request();
  void settle(const ExportResult& result, std::uint64_t items);
  void report_losses();
  void finish(std::uint64_t flush);
  [[nodiscard]] bool past_stop_deadline();

  BatchPipeline& pipeline_;
  Shared& shared_;
  std::shared_ptr<Exporter> exporter_;

  std::vector<Source> sources_;
  std::vector<Item> items_;
  std::size_t item_bytes_ = 0;
  std::vector<std::size_t> scope_bytes_;        // Of this batch, by scope number.
  std::vector<std::uint32_t> scopes_in_order_;  // Those with items, as first met.
  std::vector<char*> scope_ends_;               // Where the next item of each goes.
  std::unique_ptr<char[]> request_;
  std::size_t request_size_ = 0;
  std::size_t request_capacity_ = 0;
  Losses reported_;
};

}  // namespace signalbox::sdk
