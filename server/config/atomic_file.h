#pragma once

#include <filesystem>
#include <string_view>

namespace signalbox::server::config {

/// Gives `fd`, a file that root has just made in `folder`, to the owner of the folder, who could
/// not open it otherwise. Does nothing for other users. What fails is left as it is.
void give_to_owner_of(const std::filesystem::path& folder, int fd) noexcept;

/// Replaces the file at `path` by one of mode 0600 with `content`, which belongs to the folder's
/// owner if root makes it, so that after a crash or a power
/// cut there is either the old or the new one. Throws std::system_error.
void replace_file(const std::filesystem::path& path, std::string_view content);

}  // namespace signalbox::server::config
