#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/config/description.h"

namespace signalbox::server::config {

/// The shells for which there is completion.
std::vector<std::string> completion_shells();

/// A script that makes `shell`, one of these, complete the program's commands and options.
std::string completion(std::string_view shell, const std::vector<CommandDescription>& commands);

}  // namespace signalbox::server::config
