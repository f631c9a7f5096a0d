#pragma once

#include <string>
#include <string_view>

namespace signalbox::server::query {

/// What `outgoing_calls` tells of a call.
struct Call {
  std::string_view type, system, target, address, operation, collection, summary;
};

/// The filter that finds the spans of such calls of `service`. It knows present and former names of
/// the attributes, and may find a few others.
[[nodiscard]] std::string call_filter(std::string_view service, const Call& call);

}  // namespace signalbox::server::query
