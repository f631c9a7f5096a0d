#include "server/config/man_page.h"

namespace signalbox::server::config {
namespace {

/// Text that roff takes as it is meant.
std::string roff(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool begins_line = i == 0 || text[i - 1] == '\n';
    if (begins_line && (text[i] == '.' || text[i] == '\'')) result += "\\&";
    if (text[i] == '\\') {
      result += "\\e";
    } else if (text[i] == '-') {
      result += "\\-";
    } else {
      result += text[i];
    }
  }
  return result;
}

std::string bold(std::string_view text) {
  return "\\fB" + roff(text) + "\\fR";
}

std::string italic(std::string_view text) {
  return "\\fI" + roff(text) + "\\fR";
}

std::string option_text(const OptionDescription& option) {
  std::string text = ".TP\n";
  for (const std::string& name : option.names) {
    text += name == option.names.front() ? "" : ", ";
    text += option.is_positional ? italic(name) : bold(name);
  }
  if (!option.is_positional && !option.value.empty()) text += " " + italic(option.value);
  text += "\n" + roff(option.text) + ".\n";
  if (!option.choices.empty()) {
    text += "One of ";
    for (const std::string& choice : option.choices) {
      text += (choice == option.choices.front() ? "" : ", ") + bold(choice);
    }
    text += ".\n";
  }
  if (!option.default_value.empty()) text += "By default " + bold(option.default_value) + ".\n";
  return text;
}

std::string synopsis(const CommandDescription& command) {
  std::string text = bold("signalbox " + command.path);
  for (const OptionDescription& option : command.options) {
    if (!option.is_positional) continue;
    const std::string name = italic(option.names.front());
    text += option.is_required ? " " + name : " [" + name + "]";
  }
  return text + " [" + italic("OPTION") + " ...]";
}

std::string command_text(const CommandDescription& command) {
  std::string text = ".SS " + synopsis(command) + "\n" + roff(command.text) + ".\n";
  for (const OptionDescription& option : command.options) {
    if (option.names.front() != "--help") text += option_text(option);
  }
  return text;
}

constexpr std::string_view kEnd =
    ".SH EXIT STATUS\n"
    ".TP\n\\fB0\\fR\nFound, or done.\n"
    ".TP\n\\fB1\\fR\nNothing found. Of commands that change something: they failed.\n"
    ".TP\n\\fB2\\fR\nWrong usage; also a filter that cannot be read.\n"
    ".TP\n\\fB3\\fR\nThe server cannot be reached, or the folder not opened.\n"
    ".TP\n\\fB4\\fR\nThe server refused or failed, or \\fBdoctor\\fR found a fault.\n"
    ".SH ENVIRONMENT\n"
    ".TP\n\\fBSIGNALBOX_SERVER\\fR\nWhom the commands ask that have \\fB\\-\\-server\\fR.\n"
    ".TP\n\\fBSIGNALBOX_\\fR...\nEach option of \\fBserve\\fR, as it says.\n"
    ".TP\n\\fBNO_COLOR\\fR\nIf it is not empty, nothing is coloured.\n"
    ".TP\n\\fBTZ\\fR\nThe time zone of times that are read and shown.\n"
    ".SH SEE ALSO\n"
    "docs/cli.md, docs/query.md and docs/sql.md of the sources.\n";

}  // namespace

std::string man_page(std::string_view version, const std::vector<CommandDescription>& commands) {
  std::string text = ".TH SIGNALBOX 1 \"\" \"signalbox " + std::string(version) + "\"\n.nh\n";
  text +=
      ".SH NAME\nsignalbox \\- traces, logs and metrics over OTLP, in one process and one folder\n";
  text += ".SH SYNOPSIS\n" + bold("signalbox") + " " + italic("COMMAND") + " [" + italic("OPTION") +
          " ...]\n";
  text +=
      ".SH DESCRIPTION\nReceives telemetry over OTLP, stores it in a folder, shows it in a browser "
      "and answers questions in a terminal.\n.SH COMMANDS\n";
  for (const CommandDescription& command : commands) {
    // What only has commands below it is described by these.
    if (!command.path.empty() && command.subcommands.empty()) text += command_text(command);
  }
  return text.append(kEnd);
}

}  // namespace signalbox::server::config
