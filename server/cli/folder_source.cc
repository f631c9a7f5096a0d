#include "server/cli/folder_source.h"

#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <future>
#include <optional>
#include <string>
#include <utility>

#include "server/api/api.h"
#include "server/cli/failure.h"
#include "server/receive/otlp_decoder.h"
#include "server/store/commit/writer.h"
#include "server/store/engine/open_engine.h"
#include "server/store/log/files.h"
#include "server/store/sql/first_tables.h"
#include "server/store/sql/schema.h"

namespace signalbox::server::cli {
namespace {

constexpr std::chrono::seconds kLongestFlush{60};

store::EngineChoice choice_of(const std::filesystem::path& folder) {
  store::EngineChoice choice;
  choice.data_folder = folder;
  return choice;
}

store::Writer::Options writer_options(const std::filesystem::path& folder) {
  store::Writer::Options options;
  options.log_folder = folder / "log";
  return options;
}

/// Waits for the answer to one request.
class Waiting final : public net::Responder::Exchange {
 public:
  void respond(net::Response response) noexcept override {
    ApiReply reply{.status = response.status, .body = std::string(response.content())};
    for (const auto& [name, value] : response.headers) reply.headers[name] = value;
    answer_.set_value(std::move(reply));
  }
  [[nodiscard]] bool abandoned() const noexcept override { return false; }
  [[nodiscard]] ApiReply wait() { return answer_.get_future().get(); }

 private:
  std::promise<ApiReply> answer_;
};

class FolderSource final : public Source {
 public:
  explicit FolderSource(const std::filesystem::path& folder) : opened_(choice_of(folder)) {
    store::apply_schema(opened_.engine());
    first_tables_.emplace(opened_.engine());
    {
      store::Writer writer(opened_.engine(), decoder_, *files_, writer_options(folder));
      if (!writer.flush(kLongestFlush)) {
        throw Failure(ExitCode::kUnreachable,
                      "what the log of " + folder.string() +
                          " holds could not be stored in time; start `signalbox serve` on it, "
                          "which goes on and says how far it is");
      }
    }
    api::Api::Options options{.engine = opened_.engine(), .web_root = {}};
    options.first_tables = &*first_tables_;
    api_.emplace(std::move(options));
  }

  ApiReply ask(const ApiRequest& request) override {
    net::Request call;
    call.method = request.body.empty() ? "GET" : "POST";
    call.target = request.target();
    call.headers = {{"host", "localhost"}, {"content-type", "application/json"}};
    call.body = request.body;
    const auto waiting = std::make_shared<Waiting>();
    api_->handler()(std::move(call), net::Responder(waiting));
    return waiting->wait();
  }

  ApiReply stream(const ApiRequest& /*request*/, const Sink& /*sink*/) override {
    throw Failure(ExitCode::kUsage,
                  "a folder receives nothing; ask a server that runs (--server URL)");
  }

 private:
  store::OpenedEngine opened_;
  const receive::OtlpDecoder decoder_{{}};
  const std::unique_ptr<store::Files> files_ = store::make_posix_files();
  std::optional<store::FirstTables> first_tables_;
  std::optional<api::Api> api_;
};

/// Files that root makes in another user's folder would keep that user's server from starting.
void refuse_folder_of_other(const std::filesystem::path& folder) {
  struct stat status{};
  if (geteuid() != 0 || stat(folder.c_str(), &status) != 0 || status.st_uid == 0) return;
  throw Failure(ExitCode::kUsage, folder.string() +
                                      " is another user's: run this as that user (runuser -u USER "
                                      "-- signalbox …), so that its server can start afterwards");
}

}  // namespace

std::unique_ptr<Source> open_folder_source(const std::filesystem::path& folder) {
  std::error_code unreadable;
  if (!std::filesystem::exists(folder, unreadable) && !unreadable) {
    throw Failure(ExitCode::kUnreachable, "there is no data folder " + folder.string() +
                                              "; name the one that `signalbox serve` had (--data)");
  }
  const bool is_ours = std::filesystem::exists(folder / "format", unreadable) ||
                       std::filesystem::exists(folder / "clickhouse", unreadable);
  if (unreadable) {
    throw Failure(ExitCode::kUnreachable, folder.string() + " cannot be looked into (" +
                                              unreadable.message() +
                                              "); run this as the server's user");
  }
  if (!is_ours) {
    throw Failure(ExitCode::kUnreachable, folder.string() +
                                              " is no data folder of Signalbox; name the one that "
                                              "`signalbox serve` had (--data)");
  }
  refuse_folder_of_other(folder);
  try {
    return std::make_unique<FolderSource>(folder);
  } catch (const store::DataFolderError& error) {
    throw Failure(ExitCode::kUnreachable,
                  std::string(error.what()) + " (to ask a server that runs, give --server URL)");
  }
}

}  // namespace signalbox::server::cli
