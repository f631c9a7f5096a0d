#include "server/backup/mailbox.h"

#include <chrono>
#include <fstream>
#include <iterator>
#include <system_error>
#include <thread>

#include "server/config/atomic_file.h"

namespace signalbox::server::backup {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kDone = "done";
constexpr std::string_view kFailed = "failed: ";
constexpr std::chrono::seconds kLongestSilence{30};

fs::path request_of(const fs::path& data_folder) {
  return data_folder / "backup.request";
}
fs::path answer_of(const fs::path& data_folder) {
  return data_folder / "backup.answer";
}

std::string content(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void remove_file(const fs::path& path) {
  std::error_code error;
  fs::remove(path, error);
}

}  // namespace

void serve_request(const fs::path& data_folder,
                   const std::function<void(const fs::path&, const Progress&)>& make) {
  const fs::path request = request_of(data_folder);
  if (std::error_code error; !fs::exists(request, error)) return;
  const fs::path target = content(request);
  remove_file(request);
  const auto answer = [&](const std::string& text) {
    config::replace_file(answer_of(data_folder), text);
  };
  try {
    answer("Begun");
    make(target, answer);
    answer(std::string(kDone));
  } catch (const std::exception& error) {
    answer(std::string(kFailed) + error.what());
  }
}

void ask_server(const fs::path& data_folder, const fs::path& target, const Progress& progress) {
  remove_file(answer_of(data_folder));
  config::replace_file(request_of(data_folder), fs::absolute(target).string());
  std::string last;
  auto heard = std::chrono::steady_clock::now();
  for (;;) {
    constexpr std::chrono::milliseconds kPause{100};
    std::this_thread::sleep_for(kPause);
    const std::string now = content(answer_of(data_folder));
    if (now == kDone) {
      progress("The backup is whole");
      break;
    }
    if (now.starts_with(kFailed)) throw BackupError(now.substr(kFailed.size()));
    if (now != last) {
      progress(now);
      last = now;
      heard = std::chrono::steady_clock::now();
    } else if (last.empty() && std::chrono::steady_clock::now() - heard > kLongestSilence) {
      remove_file(request_of(data_folder));
      throw BackupError("the server that has " + data_folder.string() + " does not answer");
    }
  }
  remove_file(answer_of(data_folder));
}

}  // namespace signalbox::server::backup
