#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "signalbox/export/exporter.h"

namespace signalbox::testing {

/// Attributes as text: a bool is `true`, an int its digits, a double its shortest form.
using TextAttributes = std::map<std::string, std::string>;

struct RecordedSpan {
  std::string scope, name, trace_id, span_id, parent_span_id, status_message;  ///< Ids in hex.
  std::int32_t kind = 0, status_code = 0;
  TextAttributes attributes;
  std::vector<std::string> event_names;
  std::uint64_t start_ns = 0, end_ns = 0;
};

struct RecordedLog {
  std::string scope, severity_text, body, trace_id, span_id;
  std::int32_t severity = 0;
  TextAttributes attributes;
};

struct RecordedPoint {
  std::string metric, unit;
  bool is_monotonic = false;
  TextAttributes attributes;
  std::int64_t int_value = 0;  ///< Of a sum.
  std::uint64_t count = 0;     ///< Of a histogram.
  double sum = 0;
  std::vector<double> bounds;
};

/// An exporter for tests: decodes what it is given and keeps it.
///
/// Thread-safety: all members, from any thread.
class RecordingExporter final : public sdk::Exporter {
 public:
  [[nodiscard]] sdk::ExportResult export_request(
      sdk::Signal signal, std::string_view request, std::uint64_t items,
      std::chrono::steady_clock::time_point deadline) noexcept override;
  void cancel() noexcept override {}

  [[nodiscard]] std::vector<RecordedSpan> spans() const;
  [[nodiscard]] std::vector<RecordedLog> logs() const;
  /// Of the last export of metrics.
  [[nodiscard]] std::vector<RecordedPoint> points() const;
  /// What could not be decoded; empty if all could.
  [[nodiscard]] std::string error() const;

 private:
  mutable std::mutex mutex_;
  std::vector<RecordedSpan> spans_;
  std::vector<RecordedLog> logs_;
  std::vector<RecordedPoint> points_;
  std::string error_;
};

}  // namespace signalbox::testing
