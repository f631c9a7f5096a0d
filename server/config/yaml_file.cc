#include "server/config/yaml_file.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>

namespace signalbox::server::config {
namespace {

constexpr std::size_t kMostBytes = std::size_t{1} << 20;

std::string read_text(const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    throw ConfigError(path.string() + " is a folder; give a YAML file");
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    throw ConfigError("cannot read " + path.string() + ": " +
                      std::generic_category().message(errno));
  }
  std::string text(kMostBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kMostBytes) {
    throw ConfigError(path.string() + " has more than 1 MiB; it is no configuration file");
  }
  return text;
}

class Reader {
 public:
  explicit Reader(const std::filesystem::path& path) : path_(path.string()) {}

  [[nodiscard]] std::vector<FileEntry> read(const std::string& text) const {
    try {
      const std::vector<YAML::Node> documents = YAML::LoadAll(text);
      if (documents.size() > 1) {
        throw ConfigError(place(documents[1].Mark()) +
                          ": a second document (after \"---\"); only "
                          "one is allowed");
      }
      if (documents.empty() || documents[0].IsNull()) return {};
      return entries(documents[0]);
    } catch (const YAML::Exception& error) {
      throw ConfigError(place(error.mark) + ": this is not YAML: " + error.msg);
    }
  }

 private:
  [[nodiscard]] std::string place(const YAML::Mark& mark) const {
    return mark.is_null() ? path_ : path_ + ":" + std::to_string(mark.line + 1);
  }

  [[nodiscard]] std::vector<FileEntry> entries(const YAML::Node& root) const {
    if (!root.IsMap()) {
      throw ConfigError(place(root.Mark()) +
                        ": the file must hold lines of the form \"key: "
                        "value\"");
    }
    std::vector<FileEntry> result;
    for (const auto& item : root) {
      FileEntry entry = entry_of(item.first, item.second);
      const auto earlier = std::find_if(result.begin(), result.end(), [&](const FileEntry& other) {
        return other.key == entry.key;
      });
      if (earlier != result.end()) {
        throw ConfigError(entry.place + ": \"" + entry.key + "\" is there twice; the first is at " +
                          earlier->place);
      }
      result.push_back(std::move(entry));
    }
    return result;
  }

  [[nodiscard]] FileEntry entry_of(const YAML::Node& key, const YAML::Node& value) const {
    if (!key.IsScalar()) throw ConfigError(place(key.Mark()) + ": a key must be a word");
    FileEntry entry{.key = key.Scalar(), .values = {}, .place = place(key.Mark())};
    if (value.IsMap()) {
      throw ConfigError(entry.place + ": \"" + entry.key +
                        "\" is a map; a value is a text, a "
                        "number, true, false or a list");
    }
    entry.is_list = value.IsSequence();
    if (!entry.is_list) {
      entry.values.push_back(scalar(entry, value));
    } else {
      for (const auto& element : value) entry.values.push_back(scalar(entry, element));
    }
    return entry;
  }

  static std::string scalar(const FileEntry& entry, const YAML::Node& value) {
    if (value.IsScalar()) return value.Scalar();
    throw ConfigError(entry.place + ": \"" + entry.key + "\" " +
                      (value.IsNull() ? "has no value; give one, or remove the line"
                                      : "holds a list or map within a list; give plain values"));
  }

  std::string path_;
};

}  // namespace

std::vector<FileEntry> read_yaml_file(const std::filesystem::path& path) {
  return Reader(path).read(read_text(path));
}

}  // namespace signalbox::server::config
