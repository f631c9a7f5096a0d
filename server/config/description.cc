#include "server/config/description.h"

#include <algorithm>
#include <string_view>

namespace signalbox::server::config {
namespace {

/// CLI11 names the choices in the type: "TEXT:{auto,always,never}".
std::vector<std::string> choices_in(std::string_view type) {
  const std::size_t open = type.find('{');
  const std::size_t close = type.rfind('}');
  std::vector<std::string> choices;
  if (open == std::string_view::npos || close == std::string_view::npos) return choices;
  std::string_view list = type.substr(open + 1, close - open - 1);
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    choices.emplace_back(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return choices;
}

OptionDescription describe(const CLI::Option& option) {
  OptionDescription described;
  described.text = option.get_description();
  described.is_required = option.get_required();
  described.default_value = option.get_default_str();
  const std::string type = option.get_type_name();
  if (option.get_items_expected_max() != 0) {
    described.value = type.substr(0, type.find_first_of(":{"));
    if (described.value.empty() || described.value == "TEXT") described.value = "VALUE";
    described.choices = choices_in(type);
  }
  for (const std::string& name : option.get_lnames()) described.names.push_back("--" + name);
  for (const std::string& name : option.get_snames()) described.names.push_back("-" + name);
  return described;
}

void describe(const CLI::App& app, const std::string& path,
              std::vector<CommandDescription>& commands) {
  CommandDescription& command = commands.emplace_back();
  command.path = path;
  command.text = app.get_description();
  for (const CLI::Option* const option : app.get_options()) {
    const OptionDescription described = describe(*option);
    if (option->get_positional()) {
      OptionDescription positional = described;
      positional.names = {option->get_name(true)};
      positional.is_positional = true;
      command.options.push_back(std::move(positional));
    }
    if (!described.names.empty()) command.options.push_back(described);
  }
  const auto subcommands = app.get_subcommands(nullptr);
  for (const CLI::App* const subcommand : subcommands) {
    command.subcommands.push_back(subcommand->get_name());
  }
  for (const CLI::App* const subcommand : subcommands) {
    const std::string& name = subcommand->get_name();
    std::string below = path.empty() ? "" : path + " ";
    describe(*subcommand, below.append(name), commands);
  }
}

}  // namespace

std::vector<CommandDescription> describe(const CLI::App& app) {
  std::vector<CommandDescription> commands;
  describe(app, "", commands);
  return commands;
}

}  // namespace signalbox::server::config
