#pragma once

#include <spdlog/logger.h>

#include <memory>
#include <string>

namespace signalbox::demo {

/// The logger of this name, made at the first call: it writes to the console and is exported.
/// SPDLOG_LEVEL sets the levels, e.g. `info` or `warn,demo.external=debug`; by default info.
/// Thread-safe.
[[nodiscard]] std::shared_ptr<spdlog::logger> get_logger(const std::string& name);

}  // namespace signalbox::demo
