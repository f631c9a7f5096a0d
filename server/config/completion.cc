#include "server/config/completion.h"

#include <algorithm>

namespace signalbox::server::config {
namespace {

std::string joined(const std::vector<std::string>& words, std::string_view separator) {
  std::string text;
  for (const std::string& word : words) {
    if (!text.empty()) text += separator;
    text += word;
  }
  return text;
}

/// `text` with a backslash before each of `special`.
std::string escaped(std::string_view text, std::string_view special) {
  std::string result;
  for (const char c : text) {
    if (special.find(c) != std::string_view::npos) result += '\\';
    result += c;
  }
  return result;
}

/// In the shell's single quotes.
std::string in_quotes(std::string_view text) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

const CommandDescription& below(const std::vector<CommandDescription>& commands,
                                const CommandDescription& command, const std::string& name) {
  const std::string path = command.path.empty() ? name : command.path + " " + name;
  return *std::find_if(commands.begin(), commands.end(),
                       [&](const CommandDescription& one) { return one.path == path; });
}

std::vector<std::string> option_names(const CommandDescription& command) {
  std::vector<std::string> names;
  for (const OptionDescription& option : command.options) {
    if (!option.is_positional) names.insert(names.end(), option.names.begin(), option.names.end());
  }
  return names;
}

/// Commands below this one, and what its positional arguments may be.
std::vector<std::string> plain_words(const CommandDescription& command) {
  std::vector<std::string> words = command.subcommands;
  for (const OptionDescription& option : command.options) {
    if (option.is_positional) {
      words.insert(words.end(), option.choices.begin(), option.choices.end());
    }
  }
  return words;
}

// ---- bash
// -----------------------------------------------------------------------------------------

/// What stands behind an option that takes a value.
std::string bash_value(const OptionDescription& option) {
  if (!option.choices.empty()) return "-W '" + joined(option.choices, " ") + "'";
  if (option.takes_folder()) return "-d";
  return option.takes_file() ? "-f" : "-W ''";
}

std::string bash_values(const CommandDescription& command) {
  std::string cases;
  for (const OptionDescription& option : command.options) {
    if (option.is_positional || option.value.empty()) continue;
    std::string patterns;
    for (const std::string& name : option.names) {
      patterns.append(patterns.empty() ? "" : "|").append(in_quotes(command.path + ":" + name));
    }
    cases += "    " + patterns + ") COMPREPLY=($(compgen " + bash_value(option) +
             " -- \"$current\")); return ;;\n";
  }
  return cases;
}

std::string bash(const std::vector<CommandDescription>& commands) {
  std::string paths;
  std::string values;
  std::string words;
  for (const CommandDescription& command : commands) {
    if (!command.path.empty()) paths += (paths.empty() ? "" : "|") + in_quotes(command.path);
    values += bash_values(command);
    words += "    " + in_quotes(command.path) +
             ") plain=" + in_quotes(joined(plain_words(command), " ")) +
             " options=" + in_quotes(joined(option_names(command), " ")) + " ;;\n";
  }
  return "# Completes signalbox in bash: source <(signalbox completion bash)\n"
         "_signalbox() {\n"
         "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n"
         "  local path= next plain= options= i\n"
         "  # --option=value is three words.\n"
         "  if [[ $current == '=' ]]; then current=\n"
         "  elif [[ $previous == '=' ]]; then previous=${COMP_WORDS[COMP_CWORD-2]}; fi\n"
         "  for ((i = 1; i < COMP_CWORD; ++i)); do\n"
         "    next=\"${path:+$path }${COMP_WORDS[i]}\"\n"
         "    case \"$next\" in\n"
         "    " +
         paths +
         ") path=$next ;;\n"
         "    *) break ;;\n"
         "    esac\n"
         "  done\n"
         "  case \"$path:$previous\" in\n" +
         values +
         "  esac\n"
         "  case \"$path\" in\n" +
         words +
         "  esac\n"
         "  if [[ $current == -* || -z $plain ]]; then plain=$options; fi\n"
         "  COMPREPLY=($(compgen -W \"$plain\" -- \"$current\"))\n"
         "}\n"
         "complete -F _signalbox signalbox\n";
}

// ---- zsh
// ------------------------------------------------------------------------------------------

std::string zsh_function(const std::string& path) {
  std::string name = "_signalbox";
  for (const char c : path.empty() ? path : " " + path) name += c == ' ' ? '_' : c;
  return name;
}

std::string zsh_value(const OptionDescription& option) {
  if (option.value.empty()) return {};
  const std::string message = ":" + escaped(option.value, ":");
  if (!option.choices.empty()) return message + ":(" + joined(option.choices, " ") + ")";
  if (option.takes_folder()) return message + ":_files -/";
  return message + (option.takes_file() ? ":_files" : ": ");
}

std::string zsh_command(const std::vector<CommandDescription>& commands,
                        const CommandDescription& command) {
  std::string text = zsh_function(command.path) + "() {\n";
  std::string arguments;
  for (const OptionDescription& option : command.options) {
    for (const std::string& name : option.names) {
      const std::string spec =
          option.is_positional
              ? ":" + escaped(name, ":") +
                    (option.choices.empty() ? ": " : ":(" + joined(option.choices, " ") + ")")
              : name + "[" + escaped(option.text, "[]:\\") + "]" + zsh_value(option);
      arguments += " \\\n    " + in_quotes(spec);
    }
  }
  if (command.subcommands.empty()) return text + "  _arguments" + arguments + "\n}\n";
  text += "  local -a commands=(";
  std::string cases;
  for (const std::string& name : command.subcommands) {
    const CommandDescription& child = below(commands, command, name);
    text += "\n    " + in_quotes(name + ":" + escaped(child.text, ":"));
    cases += "    " + name + ") " + zsh_function(child.path) + " ;;\n";
  }
  return text + ")\n  local state line\n  _arguments -C" + arguments +
         " \\\n    '1: :->command' '*:: :->rest'\n"
         "  case $state in\n"
         "  command) _describe command commands ;;\n"
         "  rest)\n    case $line[1] in\n" +
         cases + "    esac ;;\n  esac\n}\n";
}

std::string zsh(const std::vector<CommandDescription>& commands) {
  std::string text =
      "#compdef signalbox\n# Completes signalbox in zsh: source <(signalbox completion zsh)\n";
  for (const CommandDescription& command : commands) text += zsh_command(commands, command);
  return text + "compdef _signalbox signalbox\n";
}

// ---- fish
// -----------------------------------------------------------------------------------------

std::string fish_option(const OptionDescription& option) {
  std::string text;
  for (const std::string& name : option.names) {
    if (option.is_positional) continue;
    text += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  }
  if (option.takes_file()) {
    text += " -r -F";
  } else if (!option.is_positional && !option.value.empty()) {
    text += " -x";  // No file's name.
  }
  if (!option.choices.empty()) {
    text += " -a " + in_quotes(joined(option.choices, " "));
  } else if (option.takes_folder()) {
    text += " -a '(__fish_complete_directories)'";
  }
  return text + " -d " + in_quotes(option.text);
}

std::string fish(const std::vector<CommandDescription>& commands) {
  std::string text =
      "# Completes signalbox in fish: signalbox completion fish | source\n"
      "function __signalbox_at --description 'Whether these commands have been typed, and no "
      "further'\n"
      "  set -l words (commandline -opc | string match -v -- '-*')\n"
      "  set -e words[1]\n"
      "  set -l path (string split ' ' -- \"$argv[1]\" | string match -v '')\n"
      "  test (count $words) -ge (count $path); or return 1\n"
      "  for i in (seq (count $path))\n"
      "    test \"$words[$i]\" = \"$path[$i]\"; or return 1\n"
      "  end\n"
      "  set -q argv[2]; or return 0\n"
      "  test (count $words) -eq (count $path)\n"
      "end\n"
      "complete -c signalbox -f\n";
  for (const CommandDescription& command : commands) {
    const std::string here = "complete -c signalbox -n \"__signalbox_at '" + command.path + "'";
    for (const std::string& name : command.subcommands) {
      text.append(here).append(" only\" -a ").append(name).append(" -d ");
      text += in_quotes(below(commands, command, name).text) + "\n";
    }
    for (const OptionDescription& option : command.options) {
      if (option.is_positional && option.choices.empty()) continue;
      text.append(here).append("\"").append(fish_option(option)) += '\n';
    }
  }
  return text;
}

}  // namespace

std::vector<std::string> completion_shells() {
  return {"bash", "zsh", "fish"};
}

std::string completion(std::string_view shell, const std::vector<CommandDescription>& commands) {
  if (shell == "bash") return bash(commands);
  return shell == "zsh" ? zsh(commands) : fish(commands);
}

}  // namespace signalbox::server::config
