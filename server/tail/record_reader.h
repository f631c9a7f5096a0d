#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "otlp/records.h"
#include "server/query/match/live_record.h"
#include "server/store/columns/attributes.h"
#include "server/store/ingest.h"
#include "server/tail/kept_attributes.h"

namespace signalbox::server::tail {

/// Takes a request as it is decoded, and hands on each of its records with what stands around it.
///
/// Thread-safety: one thread at a time.
class RecordReader final : otlp::TraceSink, otlp::LogsSink, otlp::MetricsSink {
 public:
  /// Gets a record, and what makes its JSON object for a tail; both valid during the call.
  using OnRecord = std::function<void(const query::LiveRecord& record,
                                      const std::function<std::string()>& json)>;

  explicit RecordReader(OnRecord on_record) : on_record_(std::move(on_record)) {}

  /// For the decoder; valid as long as this object.
  [[nodiscard]] store::Sinks sinks() { return {*this, *this, *this}; }

 private:
  void on_resource(const otlp::ResourceView& resource) override;
  void on_scope(const otlp::ScopeView& scope) override;
  void on_span(const otlp::SpanView& span) override;
  void on_log_record(const otlp::LogRecordView& log) override;
  void on_metric(const otlp::MetricView& metric) override;
  void on_point(const otlp::NumberPointView& point) override { take_point(point); }
  void on_point(const otlp::HistogramPointView& point) override { take_point(point); }
  void on_point(const otlp::ExponentialHistogramPointView& point) override { take_point(point); }
  void on_point(const otlp::SummaryPointView& point) override { take_point(point); }

  template <typename Point>
  void take_point(const Point& point);
  template <typename Record>
  [[nodiscard]] query::LiveRecord live(const Record& record) const;
  /// An object of what `write_members` writes, and of resource and scope.
  template <typename WriteMembers>
  [[nodiscard]] std::string object(WriteMembers write_members);

  OnRecord on_record_;

  KeptAttributes resource_;
  std::uint32_t resource_dropped_ = 0;
  std::string resource_schema_url_;

  KeptAttributes scope_;
  std::string scope_name_;
  std::string scope_version_;
  std::uint32_t scope_dropped_ = 0;
  std::string scope_schema_url_;

  otlp::MetricView metric_;
  std::string metric_name_;
  std::string metric_description_;
  std::string metric_unit_;

  store::StoredAttributes attributes_;
  std::string body_;
};

}  // namespace signalbox::server::tail
