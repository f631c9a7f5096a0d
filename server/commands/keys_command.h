#pragma once

#include <string>

#include "server/config/command_line.h"

/// What `signalbox COMMAND` does, apart from `serve`. Each returns what to print; errors are
/// std::exception with a message for people.
namespace signalbox::server::commands {

std::string run(const config::KeysCreate& command);
std::string run(const config::KeysList& command);
std::string run(const config::KeysRevoke& command);

}  // namespace signalbox::server::commands
