#pragma once

#include <string_view>

namespace signalbox::server::api {

/// openapi.yaml, which is part of the program.
std::string_view openapi_document();

}  // namespace signalbox::server::api
