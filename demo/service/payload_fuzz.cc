// Whatever the bytes: no crash, each refusal with a position, and nothing accepted that is not JSON
// with that number in it.

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "demo/service/payload.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace json = boost::json;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const auto request = signalbox::demo::parse_fibonacci_request(body);
  if (!request.ok()) {
    if (request.error().message.find(" at line ") == std::string::npos) std::abort();
    return 0;
  }
  json::parse_options options;
  options.max_depth = 200;
  boost::system::error_code error;
  const json::value value =
      json::parse(json::string_view(body.data(), body.size()), error, {}, options);
  if (error) std::abort();
  if (value.at("number").to_number<int>() != request.value().number) std::abort();
  return 0;
}
