#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "server/cli/commands.h"
#include "server/cli/failure.h"
#include "server/cli/progress.h"
#include "server/cli/text.h"
#include "server/transfer/files.h"
#include "server/transfer/message_reader.h"
#include "server/transfer/sender.h"
#include "server/transfer/signal_of.h"

namespace signalbox::server::cli {
namespace {

constexpr std::uint64_t kMaxComplaints = 20;

transfer::Sender::Options options_of(const config::ImportTelemetry& command,
                                     const config::Connection& connection, Progress& progress) {
  transfer::Sender::Options options;
  options.endpoint = command.endpoint;
  if (!command.key.empty()) options.headers.emplace_back("signalbox-ingestion-key", command.key);
  options.insecure = connection.insecure;
  options.ca_file = connection.ca_file.string();
  options.on_wait = [&progress](const std::string& why, std::chrono::milliseconds wait) {
    progress.say("signalbox: " + printable(why) + "; again in " + std::to_string(wait.count()) +
                 " ms");
  };
  return options;
}

/// Sends files, and remembers how far it is.
class Importer {
 public:
  Importer(const config::ImportTelemetry& command, const Context& context)
      : command_(command),
        progress_(context.streams.error),
        sender_(options_of(command, context.client.connection, progress_)) {}

  ExitCode run() {
    for (file_ = 0; file_ < command_.files.size(); ++file_) import_file();
    progress_.say("Imported " + counts_text() + "." + losses_text());
    if (rejected_ != 0 || refused_ != 0) return ExitCode::kFailed;
    return messages_ == 0 ? ExitCode::kNothing : ExitCode::kFound;
  }

  /// What was sent before something went wrong, and how to go on.
  [[nodiscard]] std::string way_on() const {
    std::string text = "sent so far: " + counts_text() + "." + losses_text();
    text += "\nto go on: signalbox import";
    for (std::size_t i = file_; i < command_.files.size(); ++i) {
      text += " " + command_.files[i].string();
    }
    return text + " --skip " + std::to_string(done_in_file_) + " (and the options that you gave)";
  }

 private:
  void import_file() {
    const std::filesystem::path& path = command_.files[file_];
    done_in_file_ = 0;
    transfer::InputFile in(path == "-" ? "/dev/stdin" : path);
    transfer::MessageReader reader([&](char* to, std::size_t size) { return in.read(to, size); });
    try {
      while (const auto message = reader.next()) {
        if (file_ != 0 || done_in_file_ >= command_.skip) import_message(*message);
        ++done_in_file_;
        progress_.show(counts_text(), in.progress());
      }
    } catch (const transfer::BrokenFile& broken) {
      throw Failure(ExitCode::kFailed, place(broken.line, broken.offset) + broken.what());
    }
  }

  void import_message(const transfer::Message& message) {
    const transfer::Contents contents =
        transfer::contents_of(message.bytes, message.is_json, likely_);
    if (!contents.error.empty()) {
      throw transfer::BrokenFile(contents.error, message.offset, message.line);
    }
    if (!contents.signal) {
      ++without_records_;
      return;
    }
    likely_ = *contents.signal;
    const transfer::Receipt receipt = sender_.send(likely_, message.is_json, message.bytes);
    ++messages_;
    if (receipt.is_refused) {
      refused_ += contents.records;
      complain(message, counted(contents.records, "record was refused", "records were refused"),
               receipt);
      return;
    }
    records_.at(static_cast<std::size_t>(likely_)) += contents.records - receipt.rejected;
    rejected_ += receipt.rejected;
    if (receipt.rejected != 0) {
      complain(message, counted(receipt.rejected, "record was rejected", "records were rejected"),
               receipt);
    } else if (!receipt.message.empty()) {
      complain(message, "the server says", receipt);
    }
  }

  void complain(const transfer::Message& message, const std::string& what,
                const transfer::Receipt& receipt) {
    if (++complaints_ > kMaxComplaints) return;
    progress_.say(place(message.line, message.offset) + what + ": " + printable(receipt.message));
    if (complaints_ == kMaxComplaints) progress_.say("(further ones are only counted)");
  }

  /// "FILE:LINE: "
  [[nodiscard]] std::string place(std::uint64_t line, std::uint64_t offset) const {
    const std::string name = command_.files.at(file_).string();
    if (line != 0) return name + ":" + std::to_string(line) + ": ";
    return name + ", byte " + std::to_string(offset) + ": ";
  }

  [[nodiscard]] std::string counts_text() const {
    return records_text(records_[0], records_[1], records_[2]);
  }

  [[nodiscard]] std::string losses_text() const {
    std::string text;
    const auto add = [&](std::uint64_t count, const char* one, const char* many) {
      if (count != 0) text += " " + counted(count, one, many) + ".";
    };
    add(rejected_, "record was rejected", "records were rejected");
    add(refused_, "record was refused", "records were refused");
    add(without_records_, "message had no records", "messages had no records");
    return text;
  }

  const config::ImportTelemetry& command_;
  Progress progress_;
  transfer::Sender sender_;
  std::size_t file_ = 0;
  std::uint64_t done_in_file_ = 0;
  otlp::Signal likely_ = otlp::Signal::kTraces;
  std::array<std::uint64_t, 3> records_{};
  std::uint64_t messages_ = 0;
  std::uint64_t rejected_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t without_records_ = 0;
  std::uint64_t complaints_ = 0;
};

/// Before anything is sent.
void check_files(const std::vector<std::filesystem::path>& files) {
  for (const std::filesystem::path& path : files) {
    if (path == "-") continue;
    if (!std::filesystem::exists(path)) {
      throw Failure(ExitCode::kUsage, "there is no file " + path.string());
    }
  }
}

}  // namespace

ExitCode run_command(const config::ImportTelemetry& command, const Context& context) {
  check_files(command.files);
  Importer importer(command, context);
  const auto failure = [&](ExitCode code, const std::string& what) {
    return Failure(code, what + "\n" + importer.way_on());
  };
  try {
    return importer.run();
  } catch (const transfer::CannotSend& error) {
    throw failure(error.is_unreachable ? ExitCode::kUnreachable : ExitCode::kFailed,
                  printable(error.what()));
  } catch (const Failure& error) {
    throw failure(error.code(), error.what());
  } catch (const std::runtime_error& error) {
    throw failure(ExitCode::kFailed, error.what());
  }
}

}  // namespace signalbox::server::cli
