#include "server/keys/key_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

#include "server/config/atomic_file.h"

namespace signalbox::server::keys {
namespace {

namespace json = boost::json;

constexpr std::size_t kMostBytes = std::size_t{4} << 20;

/// Keeps other processes from changing the keys of a folder.
class ChangeLock {
 public:
  explicit ChangeLock(const std::filesystem::path& folder) : fd_(open_or_make(folder)) {
    if (fd_ < 0 || flock(fd_, LOCK_EX) != 0) {
      const int reason = errno;
      if (fd_ >= 0) close(fd_);
      throw KeyError("cannot write to the data folder " + folder.string() + ": " +
                     std::generic_category().message(reason));
    }
  }
  ~ChangeLock() { close(fd_); }
  ChangeLock(const ChangeLock&) = delete;
  ChangeLock& operator=(const ChangeLock&) = delete;

 private:
  static int open_or_make(const std::filesystem::path& folder) {
    const std::string path = (folder / "keys.lock").string();
    const int made = open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (made >= 0) config::give_to_owner_of(folder, made);
    return made >= 0 || errno != EEXIST ? made : open(path.c_str(), O_RDWR | O_CLOEXEC);
  }

  int fd_;
};

bool is_name(std::string_view name) {
  constexpr std::size_t kLongest = 64;
  constexpr std::string_view kAllowed =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
  return !name.empty() && name.size() <= kLongest &&
         name.find_first_not_of(kAllowed) == std::string_view::npos;
}

std::string now_text() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm parts{};
  gmtime_r(&now, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text.data();
}

int digit_value(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  throw std::invalid_argument("a hash is not hexadecimal");
}

KeyHash hash_of_hex(std::string_view text) {
  KeyHash hash{};
  if (text.size() != hash.size() * 2) throw std::invalid_argument("a hash has the wrong length");
  for (std::size_t i = 0; i < hash.size(); ++i) {
    hash[i] =
        static_cast<std::uint8_t>(digit_value(text[2 * i]) * 16 + digit_value(text[2 * i + 1]));
  }
  return hash;
}

std::string text_of(const json::object& object, std::string_view key) {
  return std::string(object.at(key).as_string());
}

KeyRecord record_of(const json::object& object) {
  KeyRecord record{.name = text_of(object, "name"),
                   .visible = text_of(object, "visible"),
                   .hash = hash_of_hex(object.at("sha256").as_string()),
                   .created = text_of(object, "created"),
                   .rate = std::nullopt};
  if (!is_name(record.name)) throw std::invalid_argument("a name is not allowed");
  if (object.contains("rate")) record.rate = parse_rate(object.at("rate").as_string());
  return record;
}

json::object object_of(const KeyRecord& record) {
  json::object object{{"name", record.name},
                      {"visible", record.visible},
                      {"sha256", to_hex(record.hash.data(), record.hash.size())},
                      {"created", record.created}};
  if (record.rate) object["rate"] = rate_text(*record.rate);
  return object;
}

/// One key a line, so that the file can be read and compared.
std::string text_of(const std::vector<KeyRecord>& records) {
  std::string text = "{\"keys\": [";
  for (std::size_t i = 0; i < records.size(); ++i) {
    text += (i == 0 ? "\n  " : ",\n  ") + json::serialize(object_of(records[i]));
  }
  return text + "\n]}\n";
}

std::vector<KeyRecord> parse(const std::string& text) {
  const json::value document = json::parse(text);
  std::vector<KeyRecord> records;
  for (const json::value& item : document.as_object().at("keys").as_array()) {
    records.push_back(record_of(item.as_object()));
  }
  if (records.size() > KeyFile::kMostKeys) throw std::invalid_argument("too many keys");
  return records;
}

void write(const std::filesystem::path& path, const std::vector<KeyRecord>& records) {
  try {
    config::replace_file(path, text_of(records));
  } catch (const std::system_error& error) {
    throw KeyError("cannot write " + path.string() + ": " + error.what());
  }
}

}  // namespace

KeyFile::KeyFile(std::filesystem::path data_folder)
    : folder_(std::move(data_folder)), path_(folder_ / "keys.json") {}

std::optional<std::vector<KeyRecord>> KeyFile::read() const {
  std::error_code error;
  const auto bytes = std::filesystem::file_size(path_, error);
  if (error == std::errc::no_such_file_or_directory) return std::nullopt;
  if (error == std::errc::not_a_directory) {
    throw KeyError("the data folder " + folder_.string() +
                   " is not a folder; choose another with --data");
  }
  std::ifstream file(path_, std::ios::binary);
  if (error || !file) {
    throw KeyError("cannot read " + path_.string() + ": " +
                   (error ? error.message() : std::generic_category().message(errno)));
  }
  if (bytes > kMostBytes) throw KeyError(path_.string() + " is too large to hold keys");
  try {
    return parse(std::string(std::istreambuf_iterator<char>(file), {}));
  } catch (const std::exception& wrong) {
    throw KeyError(path_.string() + " is damaged (" + wrong.what() +
                   "): restore it, or remove it and make new keys");
  }
}

std::string KeyFile::create(const std::string& name, std::optional<Rate> rate) {
  if (!is_name(name)) {
    throw KeyError("\"" + name.substr(0, 100) +
                   "\" is no name for a key: allowed are 1 to 64 letters, digits, '.', '_', '-'");
  }
  std::error_code error;
  std::filesystem::create_directories(folder_, error);
  const ChangeLock lock(folder_);
  std::vector<KeyRecord> records = read().value_or(std::vector<KeyRecord>());
  const bool is_taken = std::any_of(records.begin(), records.end(),
                                    [&](const KeyRecord& record) { return record.name == name; });
  if (is_taken) {
    throw KeyError("there is a key called " + name + " already: revoke it, or choose another name");
  }
  if (records.size() >= kMostKeys) {
    throw KeyError("there are " + std::to_string(kMostKeys) + " keys already: revoke some");
  }
  std::string key = generate_key();
  records.push_back({.name = name,
                     .visible = visible_part(key),
                     .hash = hash_key(key),
                     .created = now_text(),
                     .rate = rate});
  write(path_, records);
  return key;
}

void KeyFile::revoke(const std::string& name) {
  std::error_code error;
  if (!std::filesystem::exists(path_, error)) {
    throw KeyError("there are no keys in " + folder_.string());
  }
  const ChangeLock lock(folder_);
  std::vector<KeyRecord> records = read().value_or(std::vector<KeyRecord>());
  const std::size_t removed =
      std::erase_if(records, [&](const KeyRecord& record) { return record.name == name; });
  if (removed == 0) {
    throw KeyError("there is no key called " + name +
                   "; signalbox keys list shows those there are");
  }
  write(path_, records);
}

}  // namespace signalbox::server::keys
