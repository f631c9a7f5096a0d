#pragma once

#include <string>

#include "otlp/records.h"

namespace signalbox::otlp::internal {

/// `value` as an AnyValue of protobuf. Throws std::runtime_error if the text of an array or list is
/// not OTLP/JSON, or nests deeper than decoders let it.
std::string any_value_protobuf(const ValueView& value);

}  // namespace signalbox::otlp::internal
