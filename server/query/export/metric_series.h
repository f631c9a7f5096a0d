#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "otlp/arena.h"
#include "otlp/records.h"
#include "server/query/export/messages.h"
#include "server/query/plan/session.h"

namespace signalbox::server::query {

/// What the points of a page belong to.
class MetricSeries {
 public:
  struct Series {
    Place place;
    std::vector<otlp::KeyValueView> attributes;
  };

  /// Errors: QueryError.
  MetricSeries(Session& session, const std::set<std::uint64_t>& ids);
  MetricSeries(const MetricSeries&) = delete;
  MetricSeries& operator=(const MetricSeries&) = delete;

  /// Null if it is not known.
  [[nodiscard]] const Series* find(std::uint64_t id) const;
  [[nodiscard]] const otlp::MetricView& metric(const Place& place) const;
  [[nodiscard]] const ReferencedIds& ids() const noexcept { return ids_; }

 private:
  std::string data_;
  otlp::internal::Arena arena_;
  std::map<std::uint64_t, Series> series_;
  std::deque<otlp::MetricView> metrics_;
  std::deque<std::vector<otlp::KeyValueView>> metadata_;
  ReferencedIds ids_;
};

/// The exemplars of a page's points.
class Exemplars {
 public:
  /// A point, as exemplars name it: series, time, and the block that brought both.
  using Point = std::tuple<std::uint64_t, std::int64_t, std::int64_t>;

  /// Those of `points`. Errors: QueryError.
  Exemplars(Session& session, const std::set<Point>& points);
  Exemplars(const Exemplars&) = delete;
  Exemplars& operator=(const Exemplars&) = delete;

  [[nodiscard]] std::span<const otlp::ExemplarView> of(const Point& point) const;

 private:
  std::string data_;
  otlp::internal::Arena arena_;
  std::deque<std::vector<otlp::KeyValueView>> attributes_;
  std::map<Point, std::vector<otlp::ExemplarView>> exemplars_;
};

}  // namespace signalbox::server::query
