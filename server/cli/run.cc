#include "server/cli/run.h"

#include <csignal>
#include <exception>
#include <memory>
#include <variant>

#include "server/cli/commands.h"
#include "server/cli/failure.h"

namespace signalbox::server::cli {

namespace {

/// Who reads no further (`| head`) ends it, quietly; also if what started it has no such signals.
void end_with_reader() {
  std::signal(SIGPIPE, SIG_DFL);
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_UNBLOCK, &pipe, nullptr);
}

}  // namespace

int run(const config::Client& client, const Streams& streams) {
  end_with_reader();
  ExitCode code = ExitCode::kFailed;
  try {
    const Context context{
        .client = client, .style = style_of_stdout(client.output), .streams = streams, .open = [&] {
          return open_source(client.connection);
        }};
    code = std::visit([&](const auto& what) { return run_command(what, context); }, client.what);
    streams.out.flush();
  } catch (const Failure& failure) {
    streams.error << "signalbox: " << failure.what() << '\n';
    code = failure.code();
  } catch (const std::exception& error) {
    streams.error << "signalbox: " << error.what() << '\n';
  }
  return static_cast<int>(code);
}

}  // namespace signalbox::server::cli
