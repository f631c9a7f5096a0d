#pragma once

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <chrono>
#include <cstdint>
#include <string>

#include "server/query/language/filter.h"
#include "server/query/plan/session.h"
#include "server/query/plan/time_range.h"
#include "server/store/engine/embedded_engine.h"
#include "server/store/engine/temporary_folder.h"
#include "server/store/sql/schema.h"

namespace signalbox::server::query {

inline constexpr std::int64_t kSecondNs = 1'000'000'000;
/// A whole minute.
inline constexpr std::int64_t kT0 = 1'699'999'980 * kSecondNs;

/// SQL for the time `seconds` after kT0.
inline std::string at_s(double seconds) {
  return "fromUnixTimestamp64Nano(" +
         std::to_string(kT0 + static_cast<std::int64_t>(seconds * 1e9)) + ")";
}

inline TimeRange seconds_range(std::int64_t from_s, std::int64_t until_s) {
  return {kT0 + from_s * kSecondNs, kT0 + until_s * kSecondNs};
}

/// JSON of the nanoseconds `seconds` after kT0.
inline boost::json::value json_s(double seconds) {
  return boost::json::value(std::to_string(kT0 + static_cast<std::int64_t>(seconds * 1e9)));
}

/// SQL for the column `overflow` of attributes (map(…), or as a map is written: {'k': 'v'}) with
/// these types.
inline std::string overflow_sql(const std::string& attributes, const std::string& types) {
  if (attributes == "{}") return "map()";
  std::string map = attributes;
  if (map.front() == '{') {
    map = "map(" + map.substr(1, map.size() - 2) + ")";
    for (std::size_t at = 0; (at = map.find("': '", at)) != std::string::npos;) map[at + 1] = ',';
  }
  return "CAST((mapKeys(" + map +
         "), arrayMap((type, value) -> concat(type, value), arrayResize(splitByString('', '" +
         types + "'), length(" + map + "), 's'), mapValues(" + map + "))), 'Map(String, String)')";
}

/// The embedded engine with empty tables, and JSON in hand.
class QueryTest : public ::testing::Test {
 protected:
  QueryTest() { store::apply_schema(engine_); }

  Session session() { return Session(engine_, Session::Clock::now() + std::chrono::seconds(60)); }
  void insert(const std::string& table_and_columns, const std::string& values) {
    engine_.execute("INSERT INTO " + table_and_columns + " VALUES " + values);
  }
  static boost::json::value parse(const std::string& text) { return boost::json::parse(text); }

  store::TemporaryFolder folder_;
  store::EmbeddedEngine engine_{{.data_folder = folder_.path()}};
};

}  // namespace signalbox::server::query
