#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

namespace signalbox::sdk {

enum class DiagnosticLevel : std::uint8_t { kInfo, kWarning, kError };

/// Called with a complete sentence about the SDK itself: losses, failed exports, bad settings.
using DiagnosticHandler = std::function<void(DiagnosticLevel level, std::string_view message)>;

/// Replaces the handler; null: messages are discarded. The default one writes a line to stderr. It
/// is called from any thread, one call at a time, and must not call the SDK. Calls under way have
/// returned when this function does.
void set_diagnostic_handler(DiagnosticHandler handler);

/// Reports to the handler, at most once a 10 seconds for each `key` (a string literal that names
/// the kind of event); what was held back is told with the next report of that key. Never throws.
void report_diagnostic(DiagnosticLevel level, std::string_view key,
                       std::string_view message) noexcept;

}  // namespace signalbox::sdk
