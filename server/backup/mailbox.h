#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "server/backup/backup.h"

namespace signalbox::server::backup {

/// How `signalbox backup` asks the server that has the data folder: a file of the folder names the
/// target, another has the answer. Whoever may write to the folder may ask; no port is needed.

/// Of the server: looks whether a backup is asked for, makes it by `make`, and answers. To be
/// called every second or so, from one thread. `make` may throw std::exception.
void serve_request(
    const std::filesystem::path& data_folder,
    const std::function<void(const std::filesystem::path& target, const Progress& progress)>& make);

/// Of the command: asks, and returns when the backup is made. Throws BackupError with the server's
/// reason, or if it does not answer.
void ask_server(const std::filesystem::path& data_folder, const std::filesystem::path& target,
                const Progress& progress);

}  // namespace signalbox::server::backup
