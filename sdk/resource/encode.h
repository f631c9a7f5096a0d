#pragma once

#include <signalbox/resource/resource.h>

#include <string>

namespace signalbox::sdk {

/// The content of an OTLP Resource message (without the schema URL, which is not part of it).
[[nodiscard]] std::string encode_resource(const Resource& resource);

}  // namespace signalbox::sdk
