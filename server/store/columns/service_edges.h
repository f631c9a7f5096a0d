#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "server/store/columns/two_generations.h"

namespace signalbox::server::store {

struct SpanColumns;
struct SpanEdgeColumns;

/// Finds calls from service to service among spans that come in any order, in different blocks.
///
/// It remembers spans of kind client and producer, and those of kind server and consumer whose
/// parent has not come yet: of each at least `capacity` / 2, so that what is remembered is bounded.
/// A call whose two spans are further apart is not found.
///
/// Thread-safety: all members from any thread.
class ServiceEdges {
 public:
  /// A span as the tables have it.
  struct Span {
    std::string_view service;
    std::string_view trace_id;  ///< 16 bytes.
    std::string_view span_id;   ///< 8 bytes.
    std::string_view parent_span_id;
    std::int32_t kind = 0;
    std::int32_t status_code = 0;
    std::int64_t start_time = 0;
    std::int64_t duration_ns = 0;
  };
  /// Hands the spans of blocks before `identity` to `visit`, as many as is useful.
  using Load = std::function<void(std::int64_t identity, std::size_t limit,
                                  const std::function<void(const Span&)>& visit)>;

  /// `load` is called once, before the first block; it may be empty.
  explicit ServiceEdges(std::size_t capacity, Load load = {});

  /// The calls that the spans of the block `identity` complete. Blocks come by identity; the same
  /// block once more gives the same.
  void find(std::int64_t identity, const SpanColumns& spans, SpanEdgeColumns& to);

 private:
  struct Half {
    std::uint32_t service = 0;
    std::int32_t kind = 0;
    bool is_error = false;
    std::int64_t start_time = 0;
    std::int64_t duration_ns = 0;
  };
  struct Call {
    Half client, server;
  };

  /// Once.
  void load_before(std::int64_t identity);
  /// Appends the calls that it completes to `calls_`.
  void add(const Span& span);
  std::uint32_t number_of(std::string_view service);
  void complete(const Half& client, const Half& server);
  void write(SpanEdgeColumns& to);

  const std::size_t capacity_;
  std::mutex mutex_;
  Load load_;
  TwoGenerations<Half> clients_;               // By their own id.
  TwoGenerations<std::vector<Half>> servers_;  // By their parent's.
  std::vector<std::string> services_;
  std::unordered_map<std::string, std::uint32_t> numbers_;
  std::int64_t identity_ = 0;   // Of the block that `calls_` are of.
  std::size_t rows_added_ = 0;  // Of that block.
  std::vector<Call> calls_;
};

}  // namespace signalbox::server::store
