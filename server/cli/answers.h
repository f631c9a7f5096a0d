#pragma once

#include <boost/json/array.hpp>
#include <cstddef>
#include <string>
#include <string_view>

#include "server/cli/commands.h"
#include "server/cli/views.h"

/// How commands print what was answered.
namespace signalbox::server::cli {

/// Says on the error output that there is nothing, and how to look further.
ExitCode nothing(const Context& context, const std::string& what);

/// Says on the error output that a list was cut: who asks since when something happens must know.
void say_that_there_are_more(const Context& context, std::size_t shown, std::string_view what);

/// The answer as it came, or as `view` shows it.
template <typename View>
ExitCode print(const Context& context, const Answer& answer, const boost::json::array& found,
               const std::string& what, View view) {
  context.streams.error << warnings_view(answer.json);
  if (context.client.output.json) {
    context.streams.out << answer.text << '\n';
    return found.empty() ? ExitCode::kNothing : ExitCode::kFound;
  }
  if (found.empty()) return nothing(context, what);
  context.streams.out << view();
  return ExitCode::kFound;
}

}  // namespace signalbox::server::cli
