#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "server/config/client_options.h"
#include "server/config/resolve.h"

namespace signalbox::server::config {

/// Describes `signalbox doctor` to CLI11. Outlives the parse; `environment` outlives it.
class DoctorCommand {
 public:
  DoctorCommand(CLI::App& app, const Environment& environment);
  DoctorCommand(const DoctorCommand&) = delete;
  DoctorCommand& operator=(const DoctorCommand&) = delete;

  /// Nothing if it was not this that was asked for. Errors: ConfigError.
  [[nodiscard]] std::optional<Doctor> parsed() const;

 private:
  const Environment& environment_;
  CLI::App* command_ = nullptr;
  std::string folder_;
  std::string ui_address_;
  std::string grpc_address_;
  std::string http_address_;
  std::string file_;
  Output output_;
};

}  // namespace signalbox::server::config
