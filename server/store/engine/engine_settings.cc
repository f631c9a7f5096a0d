#include "server/store/engine/engine_settings.h"

#include <string_view>

namespace signalbox::server::store {
namespace {

/// Disk that queries which do not fit into their memory may use together.
constexpr std::uint64_t kTemporaryDiskBytes = 16ULL << 30;

/// Parts of one block are compact, a few files instead of several for each column. > the rows of
/// the usual block.
constexpr std::uint64_t kMinRowsForWidePart = 600'000;

class Section {
 public:
  Section(std::string& out, std::string_view name, int depth)
      : out_(out), name_(name), indent_(static_cast<std::size_t>(depth) * 2, ' ') {
    out_.append(indent_).append("<").append(name_).append(">\n");
  }
  ~Section() { out_.append(indent_).append("</").append(name_).append(">\n"); }
  Section(const Section&) = delete;
  Section& operator=(const Section&) = delete;

  void set(std::string_view name, std::uint64_t value) {
    set(name, std::string_view(std::to_string(value)));
  }
  /// `value` has nothing to escape.
  void set(std::string_view name, std::string_view value) {
    out_.append(indent_).append("  <").append(name).append(">");
    out_.append(value).append("</").append(name).append(">\n");
  }

 private:
  std::string& out_;
  std::string_view name_;
  std::string indent_;
};

void set_tables(std::string& out, const EngineSettings& settings) {
  Section tables(out, "merge_tree", 1);
  // Durability: what an insert has written is synced, and so is what a merge has written, because
  // the parts that it replaces are removed right afterwards.
  tables.set("fsync_after_insert", 1);
  tables.set("fsync_part_directory", 1);
  tables.set("min_rows_to_fsync_after_merge", 1);
  tables.set("min_compressed_bytes_to_fsync_after_merge", 1);
  // Limits.
  tables.set("min_free_disk_bytes_to_perform_insert", settings.min_free_disk_bytes);
  tables.set("parts_to_delay_insert", 1000);
  tables.set("parts_to_throw_insert", 3000);
  tables.set("max_parts_in_total", 20'000);
  // Cost.
  tables.set("min_rows_for_wide_part", kMinRowsForWidePart);
  tables.set("merge_selector_base", 8);
  tables.set("number_of_free_entries_in_pool_to_lower_max_size_of_merge", 1);
  tables.set("number_of_free_entries_in_pool_to_execute_mutation", 1);
  tables.set("number_of_free_entries_in_pool_to_execute_optimize_entire_partition", 1);
}

}  // namespace

MemoryShares divide_memory(std::uint64_t engine_bytes, std::uint32_t query_connections) noexcept {
  return {.query_bytes = engine_bytes * 3 / 5 / query_connections,
          .merges_bytes = engine_bytes / 8};
}

std::string engine_configuration(const EngineSettings& settings) {
  std::string out = "<!-- Written by Signalbox at each start: changes are lost. -->\n";
  {
    Section server(out, "clickhouse", 0);
    server.set("max_server_memory_usage", settings.max_memory_bytes);
    server.set("merges_mutations_memory_usage_soft_limit", settings.merges_memory_bytes);
    server.set("mark_cache_size", settings.mark_cache_bytes);
    server.set("primary_index_cache_size", settings.mark_cache_bytes);
    server.set("uncompressed_cache_size", 0);
    server.set("index_mark_cache_size", 16ULL << 20);
    server.set("mmap_cache_size", 100);
    server.set("compiled_expression_cache_size", 16ULL << 20);
    server.set("query_condition_cache_size", 16ULL << 20);
    server.set("max_temporary_data_on_disk_size", kTemporaryDiskBytes);
    server.set("background_pool_size", settings.background_threads);
    server.set("background_merges_mutations_concurrency_ratio", 2);
    server.set("background_schedule_pool_size", 2);
    server.set("background_common_pool_size", 2);
    server.set("background_move_pool_size", 1);
    server.set("background_fetches_pool_size", 1);
    set_tables(out, settings);
    // Below the engine's own folder: the only one that BACKUP and RESTORE may use.
    Section backups(out, "backups", 1);
    backups.set("allowed_path", "backups");
  }
  return out;
}

}  // namespace signalbox::server::store
