#pragma once

#include <filesystem>
#include <string_view>

namespace signalbox::server::config {

/// Replaces the file at `path` by one of mode 0600 with `content`, so that after a crash or a power
/// cut there is either the old or the new one. Throws std::system_error.
void replace_file(const std::filesystem::path& path, std::string_view content);

}  // namespace signalbox::server::config
