#include "server/cli/answers.h"

#include "server/cli/times.h"

namespace signalbox::server::cli {

ExitCode nothing(const Context& context, const std::string& what) {
  const config::Times& times = context.client.selection.times;
  const Range range = parse_range(times, now());
  context.streams.error << "signalbox: no " << what << " from " << date_time_text(range.start_ns)
                        << " to " << date_time_text(range.end_ns);
  if (times.since.empty() && times.from.empty()) {
    context.streams.error << "; look further back with --since 1d";
  }
  context.streams.error << '\n';
  return ExitCode::kNothing;
}

void say_that_there_are_more(const Context& context, std::size_t shown, std::string_view what) {
  context.streams.error << "signalbox: " << shown << " " << what
                        << " are shown and there are more; --limit shows further ones\n";
}

}  // namespace signalbox::server::cli
