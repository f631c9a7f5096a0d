#pragma once

#include <string_view>

namespace signalbox::server::store {

/// The number in ClickHouse's "Code: 241. DB::Exception: …"; 0 if there is none.
int clickhouse_error_code(std::string_view message) noexcept;

}  // namespace signalbox::server::store
