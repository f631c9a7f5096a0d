#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <variant>

#include "server/config/client_options.h"
#include "server/config/options.h"
#include "server/config/resolve.h"

namespace signalbox::server::config {

/// End at once after `text` has been printed: help, version, or what is wrong.
struct Exit {
  int code = 0;
  std::string text;
};

/// `signalbox serve`.
struct Serve {
  ServeOptions options;
};

/// `signalbox keys create NAME`.
struct KeysCreate {
  std::filesystem::path data_folder;
  std::string name;
  std::string rate;  ///< As keys::parse_rate reads it; empty: without limit.
};

/// `signalbox keys list`.
struct KeysList {
  std::filesystem::path data_folder;
};

/// `signalbox keys revoke NAME`.
struct KeysRevoke {
  std::filesystem::path data_folder;
  std::string name;
};

/// `signalbox backup TARGET`.
struct Backup {
  std::filesystem::path data_folder;
  std::filesystem::path target;
};

/// `signalbox restore SOURCE`.
struct Restore {
  std::filesystem::path data_folder;
  std::filesystem::path source;
};

/// What the program is to do.
using Command =
    std::variant<Exit, Serve, KeysCreate, KeysList, KeysRevoke, Backup, Restore, Client, Doctor>;

/// Reads the arguments of the program, the SIGNALBOX_… variables and the configuration file. Never
/// throws: what is wrong is an Exit.
Command parse_command_line(int argc, const char* const* argv, std::string_view version,
                           const Environment& environment = process_environment);

}  // namespace signalbox::server::config
