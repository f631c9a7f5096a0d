#pragma once

#include <cstdint>
#include <string>

namespace signalbox::server::store {

/// How an embedded engine divides its memory, so that neither queries nor merges can take from
/// inserts what these need: three fifths go to queries, divided by how many of them may run at
/// once, an eighth to merges, the rest to inserts and caches.
struct MemoryShares {
  std::uint64_t query_bytes = 0;   ///< The most that one query may use.
  std::uint64_t merges_bytes = 0;  ///< Of all merges; no further one is begun above it.
};

/// `query_connections` is how many queries may run at once. > 0.
MemoryShares divide_memory(std::uint64_t engine_bytes, std::uint32_t query_connections) noexcept;

/// What an embedded engine is started with.
struct EngineSettings {
  std::uint64_t max_memory_bytes = 0;     ///< Of the engine as a whole. > 0.
  std::uint64_t merges_memory_bytes = 0;  ///< > 0.
  std::uint64_t mark_cache_bytes = 0;     ///< > 0.
  std::uint64_t min_free_disk_bytes = 0;  ///< Inserts are refused below it.
  std::uint32_t background_threads = 0;   ///< > 0.
};

/// The engine's configuration file. All tables share the settings of <merge_tree>, which make what
/// is acknowledged durable and keep the number of parts small; docs/adr/0013 gives the reasons.
std::string engine_configuration(const EngineSettings& settings);

}  // namespace signalbox::server::store
