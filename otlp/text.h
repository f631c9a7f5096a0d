#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "otlp/records.h"

/// Values as text, one way for all who write them: the decoders, the store, the answers.
namespace signalbox::otlp {

/// The standard alphabet, whose digits the URL alphabet shares but for the last two.
inline constexpr std::string_view kBase64Alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Appends `bytes` as padded base64 of the standard alphabet.
void append_base64(std::string_view bytes, std::string& out);

/// Appends the shortest digits that read back as `value`; "NaN", "Infinity" or "-Infinity" for what
/// has none, as protobuf's JSON names them.
void append_double(double value, std::string& out);
/// The same as a value of JSON: in quotes where JSON has no such number.
void append_json_double(double value, std::string& out);
void append_int(std::int64_t value, std::string& out);

/// Appends two lowercase hexadecimal digits for each byte.
void append_hex(std::string_view bytes, std::string& out);

/// Appends `utf8` in quotes, escaped.
void append_json_string(std::string_view utf8, std::string& out);

/// Appends a value that is neither array nor list as an AnyValue of OTLP/JSON. Both decoders write
/// through this, so that a value is stored alike whichever way it came.
void append_json_scalar(const ValueView& value, std::string& out);

}  // namespace signalbox::otlp
