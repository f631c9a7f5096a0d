#include "server/store/columns/service_edges.h"

#include <map>
#include <tuple>
#include <utility>

#include "server/store/columns/side_tables.h"

namespace signalbox::server::store {
namespace {

constexpr std::int32_t kServer = 2;
constexpr std::int32_t kClient = 3;
constexpr std::int32_t kProducer = 4;
constexpr std::int32_t kConsumer = 5;
constexpr std::int32_t kError = 2;
constexpr std::int64_t kMinuteNs = 60'000'000'000;
/// Further ones are the one without a name.
constexpr std::size_t kMaxServices = 10'000;
/// Of one span, as when a message has several consumers; of those that come before it.
constexpr std::size_t kMaxCalledByOne = 16;
constexpr std::string_view kNoParent("\0\0\0\0\0\0\0\0", 8);

std::uint64_t hash_of(std::string_view trace_id, std::string_view span_id) {
  return hash_bytes(span_id, hash_bytes(trace_id));
}

struct Edge {
  std::uint64_t calls = 0;
  std::uint64_t errors = 0;
  std::map<std::uint16_t, std::uint64_t> client_durations, server_durations;
};

void append(DurationsColumn& to, const std::map<std::uint16_t, std::uint64_t>& durations) {
  for (const auto& [bucket, count] : durations) to.add(bucket, count);
  to.end_row();
}

}  // namespace

ServiceEdges::ServiceEdges(std::size_t capacity, Load load)
    : capacity_(capacity), load_(std::move(load)), clients_(capacity), servers_(capacity) {}

void ServiceEdges::find(std::int64_t identity, const SpanColumns& spans, SpanEdgeColumns& to) {
  if (spans.start_time.size() == 0) return;
  const std::scoped_lock lock(mutex_);
  if (identity != identity_) {
    load_before(identity);
    calls_.clear();
    rows_added_ = 0;
    identity_ = identity;
  }
  // What throws (memory is short) is tried again, from the row on that was not added.
  for (; rows_added_ < spans.start_time.size(); ++rows_added_) {
    const std::size_t row = rows_added_;
    if (spans.kind[row] < kServer || spans.kind[row] > kConsumer) continue;
    if (calls_.capacity() - calls_.size() < kMaxCalledByOne) {
      calls_.reserve(2 * calls_.size() + kMaxCalledByOne);
    }
    add({.service = spans.service_name[row],
         .trace_id = spans.trace_id[row],
         .span_id = spans.span_id[row],
         .parent_span_id = spans.parent_span_id[row],
         .kind = spans.kind[row],
         .status_code = spans.status_code[row],
         .start_time = spans.start_time[row],
         .duration_ns = spans.duration_ns[row]});
  }
  write(to);
}

void ServiceEdges::load_before(std::int64_t identity) {
  if (!load_) return;
  // What they complete has been counted with them.
  load_(identity, capacity_, [&](const Span& span) { add(span); });
  load_ = {};
}

void ServiceEdges::add(const Span& span) {
  const Half half{.service = number_of(span.service),
                  .kind = span.kind,
                  .is_error = span.status_code == kError,
                  .start_time = span.start_time,
                  .duration_ns = span.duration_ns};
  if (span.kind == kClient || span.kind == kProducer) {
    const std::uint64_t id = hash_of(span.trace_id, span.span_id);
    clients_.set(id, half);
    if (const std::vector<Half>* const called = servers_.find(id)) {
      for (const Half& server : *called) complete(half, server);
      servers_.erase(id);
    }
  } else if (span.parent_span_id != kNoParent) {
    const std::uint64_t id = hash_of(span.trace_id, span.parent_span_id);
    if (const Half* const client = clients_.find(id)) {
      complete(*client, half);
    } else if (std::vector<Half>* const called = servers_.find(id)) {
      if (called->size() < kMaxCalledByOne) called->push_back(half);
    } else {
      servers_.set(id, {half});
    }
  }
}

std::uint32_t ServiceEdges::number_of(std::string_view service) {
  std::string name(service);
  if (const auto at = numbers_.find(name); at != numbers_.end()) return at->second;
  if (services_.size() >= kMaxServices && !service.empty()) return number_of({});
  services_.push_back(name);
  const auto number = static_cast<std::uint32_t>(services_.size() - 1);
  numbers_.emplace(std::move(name), number);
  return number;
}

void ServiceEdges::complete(const Half& client, const Half& server) {
  if (client.service != server.service) calls_.push_back({client, server});
}

void ServiceEdges::write(SpanEdgeColumns& to) {
  std::map<std::tuple<std::int64_t, std::uint32_t, std::uint32_t, std::int32_t>, Edge> edges;
  for (const auto& [client, server] : calls_) {
    Edge& edge =
        edges[{server.start_time / kMinuteNs * 60, client.service, server.service, server.kind}];
    ++edge.calls;
    if (client.is_error || server.is_error) ++edge.errors;
    ++edge.client_durations[duration_bucket(client.duration_ns)];
    ++edge.server_durations[duration_bucket(server.duration_ns)];
  }
  for (const auto& [key, edge] : edges) {
    const auto& [minute, client, server, kind] = key;
    to.minute.append(minute);
    to.client.append(services_[client]);
    to.server.append(services_[server]);
    to.kind.append(kind);
    to.calls.append(edge.calls);
    to.errors.append(edge.errors);
    append(to.client_durations, edge.client_durations);
    append(to.server_durations, edge.server_durations);
  }
}

}  // namespace signalbox::server::store
