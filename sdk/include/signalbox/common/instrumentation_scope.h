#pragma once

#include <signalbox/common/attribute.h>

#include <string_view>

namespace signalbox {

/// Who makes the telemetry: the name and version of the instrumented or instrumenting library. All
/// members are borrowed and copied by the call that takes them.
struct InstrumentationScope {
  std::string_view name{};        ///< E.g. "my.company.http"; may be empty.
  std::string_view version{};     ///< May be empty.
  std::string_view schema_url{};  ///< Of the semantic conventions it follows; may be empty.
  Attributes attributes{};        ///< Seldom needed.
};

}  // namespace signalbox
