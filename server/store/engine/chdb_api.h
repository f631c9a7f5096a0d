#pragma once

#include <cstddef>
#include <cstdint>

/// The part of libchdb's C interface that the embedded engine calls. The npm package that carries
/// the library has no header; names and signatures are those of chDB 26.7. Only
/// embedded_engine.cc and chdb_connection.cc include this.
extern "C" {

// NOLINTBEGIN(readability-identifier-naming): the library's own names.
struct chdb_result_;
struct chdb_connection_;
struct chdb_insert_stream_;
using chdb_connection = chdb_connection_*;
using chdb_insert_stream = chdb_insert_stream_*;

/// Null on failure. The first connection of a process boots the engine.
chdb_connection* chdb_connect(int argc, char** argv);
void chdb_close_conn(chdb_connection* connection);

/// Never null; `chdb_result_error` tells a failure. One statement at a time on a connection.
chdb_result_* chdb_query_with_params_n(chdb_connection connection, const char* query,
                                       std::size_t query_length, const char* format,
                                       std::size_t format_length, const char* const* names,
                                       const std::size_t* name_lengths, const char* const* values,
                                       const std::size_t* value_lengths, std::size_t count);
/// As above, but the result comes piece by piece: an empty piece is its end. The stream is to be
/// destroyed like a result, before that cancelled unless it came to its end or an error.
chdb_result_* chdb_stream_query_with_params_n(chdb_connection connection, const char* query,
                                              std::size_t query_length, const char* format,
                                              std::size_t format_length, const char* const* names,
                                              const std::size_t* name_lengths,
                                              const char* const* values,
                                              const std::size_t* value_lengths, std::size_t count);
chdb_result_* chdb_stream_fetch_result(chdb_connection connection, chdb_result_* stream);
void chdb_stream_cancel_query(chdb_connection connection, chdb_result_* stream);
char* chdb_result_buffer(chdb_result_* result);
std::size_t chdb_result_length(chdb_result_* result);
double chdb_result_elapsed(chdb_result_* result);
std::uint64_t chdb_result_storage_rows_read(chdb_result_* result);
std::uint64_t chdb_result_storage_bytes_read(chdb_result_* result);
const char* chdb_result_error(chdb_result_* result);
void chdb_destroy_query_result(chdb_result_* result);

/// Never null; `chdb_stream_insert_error` tells a failure. States: 0 success, 1 error.
chdb_insert_stream chdb_stream_insert_n(chdb_connection connection, const char* query,
                                        std::size_t query_length, const char* format,
                                        std::size_t format_length);
int chdb_stream_append(chdb_insert_stream stream, const void* data, std::size_t length);
chdb_result_* chdb_stream_done(chdb_insert_stream stream);
const char* chdb_stream_insert_error(chdb_insert_stream stream);
void chdb_destroy_insert_stream(chdb_insert_stream stream);

void chdb_set_signal_handlers_enabled(int enabled);
int chdb_shutdown();
// NOLINTEND(readability-identifier-naming)

}  // extern "C"
