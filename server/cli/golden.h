#pragma once

#include <string>

/// Texts that tests compare with, in the folder golden/ beside the code.
namespace signalbox::server::cli {

/// Checks that the file `name` has this text. With SIGNALBOX_UPDATE_GOLDEN in the environment it is
/// written instead: look at what `git diff` says.
void expect_golden(const std::string& name, const std::string& text);

/// The file's text.
std::string read_golden(const std::string& name);

}  // namespace signalbox::server::cli
