#pragma once

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <string>
#include <string_view>

/// Reads the API's answers leniently: what is missing, or of another type, is empty or the
/// fallback, so that a newer or older server's answer is shown as far as it is understood.
namespace signalbox::server::cli {

/// The member, or null.
const boost::json::value& member(const boost::json::value& object, std::string_view name);

std::string text(const boost::json::value& object, std::string_view name);

/// A JSON number, or a text of digits.
double number(const boost::json::value& value, double fallback = 0);
double number(const boost::json::value& object, std::string_view name, double fallback);

/// The same, exact for 64-bit integers.
std::int64_t integer(const boost::json::value& value);
std::int64_t integer(const boost::json::value& object, std::string_view name);

bool boolean(const boost::json::value& object, std::string_view name);

const boost::json::array& items(const boost::json::value& object, std::string_view name);

}  // namespace signalbox::server::cli
