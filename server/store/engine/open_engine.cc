#include "server/store/engine/open_engine.h"

#include <stdexcept>

#ifdef SIGNALBOX_EMBEDDED_ENGINE
#include "server/store/engine/embedded_engine.h"
#endif

namespace signalbox::server::store {
namespace {

#ifdef SIGNALBOX_EMBEDDED_ENGINE
std::unique_ptr<Engine> open_embedded(const EngineChoice& choice) {
  EmbeddedEngine::Options options;
  options.data_folder = choice.data_folder;
  options.max_memory_bytes = choice.max_memory_bytes;
  return std::make_unique<EmbeddedEngine>(options);
}
#else
[[noreturn]] std::unique_ptr<Engine> open_embedded(const EngineChoice& /*choice*/) {
  throw std::runtime_error(
      "this program was built without the embedded engine; give the URL of a ClickHouse with "
      "--engine-url");
}
#endif

}  // namespace

OpenedEngine::OpenedEngine(const EngineChoice& choice) {
  if (!choice.remote) {
    engine_ = open_embedded(choice);
    return;
  }
  folder_ = std::make_unique<DataFolderLock>(choice.data_folder);
  engine_ = std::make_unique<RemoteEngine>(*choice.remote);
}

OpenedEngine::~OpenedEngine() = default;

void OpenedEngine::shutdown_process() noexcept {
#ifdef SIGNALBOX_EMBEDDED_ENGINE
  EmbeddedEngine::shutdown_process();
#endif
}

}  // namespace signalbox::server::store
