#pragma once

#include <cstdint>
#include <limits>
#include <string>

#include "otlp/records.h"
#include "server/store/columns/block_common.h"
#include "server/store/columns/folded.h"

namespace signalbox::server::store {

/// Appends log records to a block.
class LogSink final : public otlp::LogsSink {
 public:
  LogSink(BlockCommon& common, Registry& registry, BlockTables& tables)
      : common_(common),
        to_(tables.logs),
        errors_(tables.log_errors),
        attributes_(registry, SlottedSignal::kLogs, tables.logs.attributes) {}

  void on_resource(const otlp::ResourceView& resource) override { common_.on_resource(resource); }
  void on_scope(const otlp::ScopeView& scope) override { common_.on_scope(scope); }

  void on_log_record(const otlp::LogRecordView& record) override {
    to_.service_name.append(common_.service_name());
    const bool exact_times = append_times(record.time_unix_nano, record.observed_time_unix_nano);
    to_.row.append();
    to_.trace_id.append(record.trace_id);
    to_.span_id.append(record.span_id);
    to_.flags.append(record.flags);
    to_.severity_number.append(record.severity_number);
    to_.severity_text.append(record.severity_text);
    if (record.body.type == otlp::ValueType::kString) {
      to_.body.append(record.body.text);
    } else {
      body_.clear();
      append_text(body_, record.body);
      to_.body.append(body_);
    }
    to_.event_name.append(record.event_name);
    to_.resource_id.append(common_.resource_id());
    to_.scope_id.append(common_.scope_id());
    attributes_.append(record.attributes);
    fold_log(record, exact_times, rest_);
    to_.rest.append(rest_);
    errors_.add(common_.service_name(), record, to_.time[to_.time.size() - 1]);
  }

  SlottedAttributes& attributes() noexcept { return attributes_; }

 private:
  /// Both times as one and a difference, which is mostly small. Returns whether both have to be
  /// stored apart, because that does not tell them.
  bool append_times(std::uint64_t time, std::uint64_t observed) {
    const std::uint64_t shown = time != 0 ? time : observed;
    const std::int64_t stored = stored_time(shown);
    to_.time.append(stored);
    constexpr std::int64_t kNoObservedTime = std::numeric_limits<std::int64_t>::min();
    constexpr std::int64_t kNoTime = kNoObservedTime + 1;
    auto delta = static_cast<std::int64_t>(observed - time);
    bool is_told = static_cast<std::uint64_t>(stored) == shown;
    if (time == 0 && observed != 0) {
      delta = kNoTime;
    } else if (time != 0 && observed == 0) {
      delta = kNoObservedTime;
    } else {
      is_told = is_told && delta > kNoTime;
    }
    to_.observed_delta_ns.append(is_told ? delta : 0);
    return !is_told;
  }

  BlockCommon& common_;
  LogColumns& to_;
  Errors& errors_;
  SlottedAttributes attributes_;
  std::string body_;
  std::string rest_;
};

}  // namespace signalbox::server::store
