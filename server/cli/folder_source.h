#pragma once

#include <filesystem>
#include <memory>

#include "server/cli/source.h"

namespace signalbox::server::cli {

/// Opens the data folder of a server that does not run, and answers from it in this process. What
/// the folder's log holds is stored first, so that all that was acknowledged is found.
///
/// Errors: Failure, also if a server has the folder. Once the source is gone, the process calls
/// store::OpenedEngine::shutdown_process before it ends.
std::unique_ptr<Source> open_folder_source(const std::filesystem::path& folder);

}  // namespace signalbox::server::cli
