#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace signalbox::server::cli {

/// How a command ends (docs/cli.md).
enum class ExitCode : std::uint8_t {
  kFound = 0,
  kNothing = 1,
  kUsage = 2,
  kUnreachable = 3,
  kFailed = 4,
};

/// Ends a command: `what()` is one line for people that says what to do.
class Failure : public std::runtime_error {
 public:
  Failure(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  [[nodiscard]] ExitCode code() const noexcept { return code_; }

 private:
  ExitCode code_;
};

}  // namespace signalbox::server::cli
