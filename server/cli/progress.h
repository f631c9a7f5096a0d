#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>

namespace signalbox::server::cli {

/// A line at the bottom of a terminal that tells how far something is; on anything else nothing.
/// Not thread-safe.
class Progress {
 public:
  /// `out` is the process's error output.
  explicit Progress(std::ostream& out);
  /// Takes the line away.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Shows `text`, behind a bar if it is known which `share`, from 0 to 1, is done. A few times a
  /// second at most.
  void show(const std::string& text, std::optional<double> share = std::nullopt);
  /// Prints a line that stays.
  void say(const std::string& line);

 private:
  std::ostream& out_;
  bool is_terminal_;
  bool is_shown_ = false;
  std::chrono::steady_clock::time_point last_{};
};

/// "1,234".
std::string grouped(std::uint64_t number);
/// "1 span was" of 1, "span was" and "spans were".
std::string counted(std::uint64_t count, const char* one, const char* many);
/// "5.2 MiB".
std::string bytes_text(std::uint64_t bytes);
/// "3 spans, 1 log record and 2 metric points"; "no records".
std::string records_text(std::uint64_t spans, std::uint64_t log_records, std::uint64_t points);

}  // namespace signalbox::server::cli
