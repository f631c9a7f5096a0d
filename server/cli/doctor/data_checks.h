#pragma once

#include <filesystem>

#include "server/cli/doctor/finding.h"
#include "server/store/log/files.h"

/// What is in the data folder of a server that does not run.
namespace signalbox::server::cli {

/// The log: how much of it the tables have yet to take in, and whether it is damaged. Only reads.
Findings check_log(store::Files& files, const std::filesystem::path& data_folder,
                   std::uint64_t max_log_bytes);

/// The engine opens the folder and has the tables. Changes nothing but what any start does: the
/// folder's lock and the engine's own files.
Findings check_engine(const std::filesystem::path& data_folder);

}  // namespace signalbox::server::cli
