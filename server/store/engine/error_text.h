#pragma once

#include <string>
#include <string_view>

namespace signalbox::server::store {

/// The number in ClickHouse's "Code: 241. DB::Exception: …"; 0 if there is none.
int clickhouse_error_code(std::string_view message) noexcept;

/// ClickHouse's `message` for people: it begins with what to do where that is not in it.
std::string explained(int code, std::string message);

}  // namespace signalbox::server::store
