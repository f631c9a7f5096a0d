#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/config/description.h"

namespace signalbox::server::config {

/// signalbox(1), in the macros of man(7).
std::string man_page(std::string_view version, const std::vector<CommandDescription>& commands);

}  // namespace signalbox::server::config
