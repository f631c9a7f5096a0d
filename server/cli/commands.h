#pragma once

#include <functional>
#include <memory>

#include "server/cli/failure.h"
#include "server/cli/run.h"
#include "server/cli/source.h"
#include "server/cli/style.h"
#include "server/config/client_options.h"

/// What each command that asks does. Errors: Failure.
namespace signalbox::server::cli {

struct Context {
  const config::Client& client;
  Style style;
  Streams streams;
  std::function<std::unique_ptr<Source>()> open;
};

ExitCode run_command(const config::ListServices& command, const Context& context);
ExitCode run_command(const config::ListErrors& command, const Context& context);
ExitCode run_command(const config::SearchTraces& command, const Context& context);
ExitCode run_command(const config::ShowTrace& command, const Context& context);
ExitCode run_command(const config::SearchLogs& command, const Context& context);
ExitCode run_command(const config::ShowMetrics& command, const Context& context);
ExitCode run_command(const config::RunQuery& command, const Context& context);
ExitCode run_command(const config::RunSql& command, const Context& context);
ExitCode run_command(const config::ExportTelemetry& command, const Context& context);
ExitCode run_command(const config::ImportTelemetry& command, const Context& context);
ExitCode run_command(const config::Tail& command, const Context& context);
ExitCode run_command(const config::Version& command, const Context& context);

}  // namespace signalbox::server::cli
