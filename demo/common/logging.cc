#include "demo/common/logging.h"

#include <spdlog/cfg/env.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <initializer_list>
#include <mutex>

#include "signalbox/bridges/spdlog.h"

namespace signalbox::demo {
namespace {

// What all loggers write to.
struct Sinks {
  Sinks() { spdlog::cfg::load_env_levels(); }
  std::shared_ptr<spdlog::sinks::sink> console =
      std::make_shared<spdlog::sinks::stdout_color_sink_mt>();
  std::shared_ptr<spdlog::sinks::sink> exported = std::make_shared<bridges::SpdlogSink>();
};

}  // namespace

std::shared_ptr<spdlog::logger> get_logger(const std::string& name) {
  static std::mutex mutex;
  const std::scoped_lock lock(mutex);
  if (auto logger = spdlog::get(name)) return logger;
  static const Sinks sinks;
  auto logger = std::make_shared<spdlog::logger>(
      name, std::initializer_list<spdlog::sink_ptr>{sinks.console, sinks.exported});
  logger->flush_on(spdlog::level::info);
  // Registers it, sets the level that the environment gives this name, and spdlog's own formatter.
  spdlog::initialize_logger(logger);
  logger->set_formatter(bridges::make_spdlog_formatter());
  return logger;
}

}  // namespace signalbox::demo
