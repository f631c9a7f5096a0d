#include "server/commands/keys_command.h"

#include <algorithm>
#include <filesystem>
#include <optional>

#include "server/keys/key_file.h"

namespace signalbox::server::commands {
namespace {

/// Whoever forgets --data is not to be told that senders need no key.
void check_folder(const std::filesystem::path& data_folder) {
  if (std::filesystem::exists(data_folder)) return;
  throw keys::KeyError("there is no data folder " + data_folder.string() +
                       "; name the server's with --data");
}

}  // namespace

std::string run(const config::KeysCreate& command) {
  std::optional<keys::Rate> rate;
  if (!command.rate.empty()) rate = keys::parse_rate(command.rate);
  const std::string key = keys::KeyFile(command.data_folder).create(command.name, rate);
  return key + "\n\nThis is the only time that it is shown. Senders give it in a header:\n" +
         "  OTEL_EXPORTER_OTLP_HEADERS=signalbox-ingestion-key=" + key + "\n";
}

std::string run(const config::KeysList& command) {
  check_folder(command.data_folder);
  const keys::KeyFile file(command.data_folder);
  const auto records = file.read();
  if (!records) return "No key was made yet: senders need none.\n";
  if (records->empty()) return "All keys are revoked: nobody may send.\n";
  std::size_t width = 0;
  for (const keys::KeyRecord& record : *records) width = std::max(width, record.name.size());
  std::string text;
  for (const keys::KeyRecord& record : *records) {
    text += record.name + std::string(width - record.name.size() + 2, ' ') + record.visible + "  " +
            record.created + "  " +
            (record.rate ? keys::rate_text(*record.rate) : "without limit") + '\n';
  }
  return text;
}

std::string run(const config::KeysRevoke& command) {
  check_folder(command.data_folder);
  keys::KeyFile(command.data_folder).revoke(command.name);
  return "Revoked " + command.name + ": a running server refuses it within half a second.\n";
}

}  // namespace signalbox::server::commands
