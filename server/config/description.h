#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

/// What CLI11 knows of the program's commands, for what is made of it: completion and manual page.
namespace signalbox::server::config {

struct OptionDescription {
  std::vector<std::string> names;  ///< "--limit", "-h"; of a positional one its name alone.
  std::string value;               ///< What follows it, such as "TIME"; empty: nothing does.
  std::string default_value;
  std::vector<std::string> choices;  ///< If only these values are allowed.
  std::string text;
  bool is_positional = false;
  bool is_required = false;

  [[nodiscard]] bool takes_file() const { return value == "FILE"; }
  [[nodiscard]] bool takes_folder() const { return value == "FOLDER"; }
};

struct CommandDescription {
  std::string path;  ///< "keys create"; "" is the program.
  std::string text;
  std::vector<std::string> subcommands;  ///< Names.
  std::vector<OptionDescription> options;
};

/// The program, then its commands, each before those below it.
std::vector<CommandDescription> describe(const CLI::App& app);

}  // namespace signalbox::server::config
