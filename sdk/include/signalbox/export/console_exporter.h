#pragma once

#include <signalbox/export/exporter.h>

#include <functional>
#include <memory>
#include <string_view>

namespace signalbox::sdk {

/// Makes an exporter that prints each span, data point and log record for a human to read.
///
/// The text of one export is given to `write` at once; without `write` it goes to standard output.
/// Thread-safety: as Exporter says; exports of several signals do not mix their text. The format
/// may change: do not parse it.
[[nodiscard]] std::shared_ptr<Exporter> make_console_exporter(
    std::function<void(std::string_view)> write = nullptr);

}  // namespace signalbox::sdk
