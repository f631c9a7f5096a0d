#pragma once

#include <string>
#include <string_view>

#include "server/store/engine/engine.h"

namespace signalbox::server::store {

/// The INSERT of Engine::insert_native, without data and FORMAT. Throws EngineError if the table's
/// name or the deduplication token has characters that it must not have.
std::string insert_statement(std::string_view table, const InsertOptions& options);

}  // namespace signalbox::server::store
