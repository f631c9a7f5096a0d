#pragma once

#include <signalbox/logs/logger.h>
#include <signalbox/logs/sdk_logger_provider.h>

#include <cstddef>
#include <cstdint>

#include "sdk/common/attribute_encoder.h"
#include "sdk/common/utf8.h"

namespace signalbox::logs::detail {

/// Attributes measured for the wire: those of a list that are exported. They are kept as measured
/// unless there are very many, which are measured again when written.
class WireAttributes {
 public:
  WireAttributes(std::uint32_t field, Attributes attributes, std::uint32_t max_count,
                 std::size_t value_limit) noexcept;

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::uint32_t dropped() const noexcept { return dropped_; }
  char* write(char* out) const noexcept;

 private:
  static constexpr std::size_t kKept = 12;

  std::uint32_t field_;
  std::size_t value_limit_;
  sdk::AttributeFilter filter_;
  std::size_t size_ = 0;
  std::uint32_t dropped_ = 0;
  std::size_t kept_ = 0;
  bool remeasure_ = false;
  alignas(sdk::WireAttribute) std::byte storage_[kKept * sizeof(sdk::WireAttribute)];
};

/// A log record measured for the wire, as a log_records field of ScopeLogs.
class LogEncoder {
 public:
  /// `now_ns` stands in for timestamps that the record does not have.
  LogEncoder(const LogRecord& record, const context::detail::ContextFields& context,
             const sdk::LogRecordLimits& limits, std::uint64_t now_ns) noexcept;

  /// Bytes that `write` writes.
  [[nodiscard]] std::size_t size() const noexcept;
  char* write(char* out) const noexcept;

 private:
  [[nodiscard]] std::size_t body_size() const noexcept;
  char* write_body(char* out) const noexcept;

  const LogRecord& record_;
  const context::detail::ContextFields& context_;
  std::uint64_t time_ns_;
  std::uint64_t observed_ns_;
  sdk::WireText severity_text_;
  sdk::WireText event_name_;
  sdk::WireValue body_;
  bool has_body_;
  WireAttributes body_map_;
  WireAttributes attributes_;
  std::size_t content_size_ = 0;
};

}  // namespace signalbox::logs::detail
