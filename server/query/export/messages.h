#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "otlp/encode.h"
#include "server/query/export/descriptions.h"

namespace signalbox::server::query {

/// Below which resource, scope and metric a record stands. Metrics have numbers of the page's own;
/// spans and log records have none.
struct Place {
  std::uint32_t resource_id = 0;
  std::uint32_t scope_id = 0;
  std::size_t metric = 0;
  friend auto operator<=>(const Place&, const Place&) = default;
};

/// Puts messages behind each other, as files have them.
class Messages {
 public:
  Messages(otlp::Signal signal, otlp::Encoding encoding)
      : encoding_(encoding), encoder_(otlp::make_encoder(signal, encoding)) {}

  [[nodiscard]] otlp::Encoder& encoder() noexcept { return *encoder_; }
  /// Ends the message if it is large enough; then resource and scope have to be told anew.
  [[nodiscard]] bool end_if_large();
  /// Ends the last message and returns all of them.
  std::string take();

 private:
  void end();

  otlp::Encoding encoding_;
  std::unique_ptr<otlp::Encoder> encoder_;
  std::string body_;
};

/// Writes `records`, those of one place together, the places in the order in which they come.
/// `place_of(record)` and `tell(encoder, record)`; `tell_metric(encoder, place)` is called where a
/// metric begins.
template <typename Records, typename PlaceOf, typename TellMetric, typename Tell>
void write_records(const Records& records, const Descriptions& descriptions, Messages& messages,
                   PlaceOf place_of, TellMetric tell_metric, Tell tell) {
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::size_t> order;
  for (const auto& record : records) {
    const Place place = place_of(record);
    order.try_emplace({place.resource_id, place.scope_id}, order.size());
  }
  struct Sorted {
    std::size_t place;
    std::size_t metric;
    std::size_t at;
    const typename Records::value_type* record;
  };
  std::vector<Sorted> sorted;
  sorted.reserve(records.size());
  for (const auto& record : records) {
    const Place place = place_of(record);
    sorted.push_back(
        {order[{place.resource_id, place.scope_id}], place.metric, sorted.size(), &record});
  }
  std::sort(sorted.begin(), sorted.end(), [](const Sorted& a, const Sorted& b) {
    return std::tie(a.place, a.metric, a.at) < std::tie(b.place, b.metric, b.at);
  });

  otlp::Encoder& encoder = messages.encoder();
  std::optional<Place> told;
  for (const Sorted& item : sorted) {
    const Place place = place_of(*item.record);
    const bool is_new_resource = !told || told->resource_id != place.resource_id;
    const bool is_new_scope = is_new_resource || told->scope_id != place.scope_id;
    if (is_new_resource) encoder.on_resource(descriptions.resource(place.resource_id));
    if (is_new_scope) encoder.on_scope(descriptions.scope(place.scope_id));
    if (is_new_scope || told->metric != place.metric) tell_metric(encoder, place);
    tell(encoder, *item.record);
    told = place;
    if (messages.end_if_large()) told.reset();
  }
}

}  // namespace signalbox::server::query
