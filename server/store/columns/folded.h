#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "otlp/records.h"
#include "server/store/columns/attributes.h"

/// What most records do not have stands together in one column, `rest`, as a JSON object with short
/// names, or "" if there is nothing. 002_layout.sql says how to read it.
namespace signalbox::server::store {

/// Of a span: status message, trace state, dropped counts, events and links. `attributes` is
/// scratch.
void fold_span(const otlp::SpanView& span, StoredAttributes& attributes, std::string& out);

/// Of a log record: the type of its body unless string, dropped count, and both times where
/// `exact_times` says so.
void fold_log(const otlp::LogRecordView& record, bool exact_times, std::string& out);

/// A time as DateTime64(9) holds it.
std::int64_t stored_time(std::uint64_t unix_nano) noexcept;

/// A JSON string.
void append_json(std::string& out, std::string_view text);

}  // namespace signalbox::server::store
