#include "server/config/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <optional>
#include <sstream>
#include <utility>
#include <vector>

#include "server/config/client_commands.h"
#include "server/config/completion.h"
#include "server/config/description.h"
#include "server/config/doctor_command.h"
#include "server/config/man_page.h"
#include "server/config/settings.h"

namespace signalbox::server::config {
namespace {

/// The values of flags as CLI11 leaves them, by the settings' names.
class RawFlags {
 public:
  /// Adds a flag for each setting.
  void add_to(CLI::App& command) {
    const ServeOptions defaults;
    for (const Setting& setting : settings()) {
      Raw& raw = raw_[std::string(setting.name)];
      const std::string description =
          std::string(setting.description) + " (" + setting.variable() + ")";
      if (setting.kind == Setting::Kind::kSwitch) {
        raw.option = command.add_flag(setting.flag() + "{true}", raw.switched, description);
        continue;
      }
      raw.option = command.add_option(setting.flag(), raw.values, description);
      raw.option->type_name(std::string(setting.type))->default_str(setting.get(defaults));
      raw.option->take_all()->allow_extra_args(false);
    }
  }

  [[nodiscard]] Flags given() const {
    Flags flags;
    for (const auto& [name, raw] : raw_) {
      if (raw.option->count() == 0) continue;
      const Setting& setting = *find_setting(name);
      if (setting.kind == Setting::Kind::kSwitch) {
        flags[name] = {raw.switched};
      } else if (setting.kind == Setting::Kind::kText && raw.values.size() > 1) {
        throw ConfigError(setting.flag() + ": give it once");
      } else {
        flags[name] = raw.values;
      }
    }
    return flags;
  }

 private:
  struct Raw {
    std::vector<std::string> values;
    std::string switched;
    CLI::Option* option = nullptr;
  };
  std::map<std::string, Raw> raw_;
};

Exit wrong(const std::string& message) {
  return {.code = 2, .text = "signalbox: " + message + "\n"};
}

std::string first_word(const std::vector<std::string>& arguments) {
  return arguments.empty() || arguments.front().starts_with('-') ? "" : arguments.front();
}

/// The command whose letters are nearest; empty if none is near.
std::string closest_command(const CLI::App& app, std::string_view word) {
  constexpr std::size_t kLongestWord = 32;
  if (word.size() > kLongestWord) return {};
  std::string closest;
  std::size_t least = word.size() / 3 + 2;
  for (const CLI::App* const command : app.get_subcommands(nullptr)) {
    const std::size_t away = edit_distance(word, command->get_name());
    if (away >= least) continue;
    least = away;
    closest = command->get_name();
  }
  return closest;
}

/// One line: what is wrong, and where more is said.
Exit wrong_usage(const CLI::App& app, const std::vector<std::string>& arguments,
                 const CLI::ParseError& error) {
  std::string command = "signalbox";
  for (const CLI::App* at = &app; !at->get_subcommands().empty();) {
    at = at->get_subcommands().front();
    command += " " + at->get_name();
  }
  std::string message = error.what();
  if (const std::string word = first_word(arguments); command == "signalbox" && !word.empty()) {
    message = "there is no command '" + word + "'";
    if (const std::string closest = closest_command(app, word); !closest.empty()) {
      message += ", did you mean " + closest + "?";
    }
  }
  std::replace(message.begin(), message.end(), '\n', ' ');
  return wrong(message + "; " + command + " --help tells more");
}

Command run_config_check(const std::string& file, const Environment& environment) {
  const std::filesystem::path path = configuration_file(file, environment);
  const Resolved resolved = resolve({}, environment, path);
  std::string warnings;
  for (const std::string& sentence : mistyped_variables(process_variables())) {
    warnings += sentence + '\n';
  }
  return Exit{.code = 0,
              .text = describe(resolved) + warnings +
                      (path.empty() ? "No configuration file.\n" : path.string() + " is right.\n")};
}

/// Where the data is, for the commands that need nothing else of the settings.
class DataFolderOption {
 public:
  explicit DataFolderOption(const Environment& environment) : environment_(environment) {}

  void add_to(CLI::App& command) {
    command.add_option("--data", folder_, "Folder that keeps all data (SIGNALBOX_DATA)")
        ->default_str(ServeOptions().data_folder.string())
        ->type_name("FOLDER");
    command.add_option("--config", file_, "The server's configuration file (SIGNALBOX_CONFIG)")
        ->type_name("FILE");
  }

  [[nodiscard]] std::filesystem::path get() const {
    Flags flags;
    if (!folder_.empty()) flags["data"] = {folder_};
    return resolve(flags, environment_, configuration_file(file_, environment_))
        .options.data_folder;
  }

 private:
  const Environment& environment_;
  std::string folder_;
  std::string file_;
};

/// `signalbox keys …`.
class KeysCommand {
 public:
  KeysCommand(CLI::App& app, const Environment& environment) : data_(environment) {
    CLI::App* const keys = app.add_subcommand("keys", "Who may send: ingestion keys");
    keys->require_subcommand(1);
    create_ = keys->add_subcommand("create",
                                   "Make a key and print it; once there is one, senders need one");
    create_->add_option("NAME", name_, "Who the key is for")->required();
    create_->add_option("--rate", rate_, "What it may send: 5MiB/s, or \"200 requests/s\"");
    list_ = keys->add_subcommand("list", "The keys' names, beginnings and rates");
    revoke_ = keys->add_subcommand("revoke", "Make a key invalid, also for a running server");
    revoke_->add_option("NAME", name_, "Whose key")->required();
    for (CLI::App* const command : {create_, list_, revoke_}) data_.add_to(*command);
  }

  /// Nothing if it was not this that was asked for.
  [[nodiscard]] std::optional<Command> parsed() const {
    if (create_->parsed()) return KeysCreate{data_.get(), name_, rate_};
    if (list_->parsed()) return KeysList{data_.get()};
    if (revoke_->parsed()) return KeysRevoke{data_.get(), name_};
    return std::nullopt;
  }

 private:
  DataFolderOption data_;
  CLI::App* create_ = nullptr;
  CLI::App* list_ = nullptr;
  CLI::App* revoke_ = nullptr;
  std::string name_;
  std::string rate_;
};

/// `signalbox backup` and `signalbox restore`.
class BackupCommands {
 public:
  BackupCommands(CLI::App& app, const Environment& environment) : data_(environment) {
    backup_ = app.add_subcommand(
        "backup", "Copy all data to a new folder; a server that runs on it does so itself");
    backup_->add_option("TARGET", folder_, "The folder to make")->required();
    restore_ = app.add_subcommand("restore", "Fill a new data folder from a backup");
    restore_->add_option("SOURCE", folder_, "The backup's folder, which stays")->required();
    for (CLI::App* const command : {backup_, restore_}) data_.add_to(*command);
  }

  /// Nothing if it was neither that was asked for.
  [[nodiscard]] std::optional<Command> parsed() const {
    if (backup_->parsed()) return Backup{data_.get(), folder_};
    if (restore_->parsed()) return Restore{data_.get(), folder_};
    return std::nullopt;
  }

 private:
  DataFolderOption data_;
  CLI::App* backup_ = nullptr;
  CLI::App* restore_ = nullptr;
  std::string folder_;
};

}  // namespace

Command parse_command_line(int argc, const char* const* argv, std::string_view version,
                           const Environment& environment) {
  CLI::App app("Signalbox: traces, logs and metrics over OTLP, in one process and one folder.");
  app.set_version_flag("--version", "signalbox " + std::string(version));
  app.require_subcommand(1);

  CLI::App* const serve = app.add_subcommand("serve", "Receive telemetry, store it and show it");
  std::string file;
  serve
      ->add_option("--config", file,
                   "YAML file with any of these options, without the dashes; a flag wins over a "
                   "variable, that over the file (SIGNALBOX_CONFIG)")
      ->type_name("FILE");
  RawFlags flags;
  flags.add_to(*serve);

  CLI::App* const config = app.add_subcommand("config", "Look at the configuration");
  config->require_subcommand(1);
  CLI::App* const check = config->add_subcommand(
      "check", "Check a configuration file, and say each setting's value and where it came from");
  std::string checked_file;
  check->add_option("FILE", checked_file, "The YAML file; without one, that of SIGNALBOX_CONFIG");

  const KeysCommand keys(app, environment);
  const BackupCommands backups(app, environment);
  const ClientCommands clients(app, version, environment);
  const DoctorCommand doctor(app, environment);

  CLI::App* const complete =
      app.add_subcommand("completion", "Print a script that completes commands");
  std::string shell;
  complete->add_option("SHELL", shell, "For which shell")
      ->required()
      ->check(CLI::IsMember(completion_shells()));
  CLI::App* const man =
      app.add_subcommand("man", "Print the manual page; signalbox man | man -l -");

  try {
    app.parse(argc, argv);
    if (auto command = doctor.parsed()) return *std::move(command);
    if (auto command = keys.parsed()) return *std::move(command);
    if (auto command = backups.parsed()) return *std::move(command);
    if (auto client = clients.parsed()) return *std::move(client);
    if (complete->parsed()) return Exit{.code = 0, .text = completion(shell, describe(app))};
    if (man->parsed()) return Exit{.code = 0, .text = man_page(version, describe(app))};
    if (check->parsed()) return run_config_check(checked_file, environment);
    return Serve{
        resolve(flags.given(), environment, configuration_file(file, environment)).options};
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) return wrong_usage(app, {argv + 1, argv + argc}, error);
    std::ostringstream out;
    app.exit(error, out, out);
    return Exit{.code = 0, .text = out.str()};
  } catch (const ConfigError& error) {
    return wrong(error.what());
  }
}

}  // namespace signalbox::server::config
