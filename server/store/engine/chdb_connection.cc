#include "server/store/engine/chdb_connection.h"

#include <charconv>
#include <cstddef>

#include "server/store/engine/chdb_api.h"

namespace signalbox::server::store {
namespace {

struct ResultDeleter {
  void operator()(chdb_result_* result) const { chdb_destroy_query_result(result); }
};
using Result = std::unique_ptr<chdb_result_, ResultDeleter>;

struct StreamDeleter {
  void operator()(chdb_insert_stream stream) const { chdb_destroy_insert_stream(stream); }
};
using Stream = std::unique_ptr<chdb_insert_stream_, StreamDeleter>;

[[noreturn]] void throw_engine_error(const char* message) {
  const std::string text =
      message != nullptr && *message != '\0' ? message : "the engine failed without a message";
  throw EngineError(clickhouse_error_code(text), text);
}

void check(const Result& result) {
  if (result == nullptr) throw_engine_error(nullptr);
  if (const char* error = chdb_result_error(result.get()); error != nullptr && *error != '\0') {
    throw_engine_error(error);
  }
}

}  // namespace

int clickhouse_error_code(std::string_view message) noexcept {
  constexpr std::string_view kPrefix = "Code: ";
  const std::size_t at = message.find(kPrefix);
  if (at == std::string_view::npos) return 0;
  int code = 0;
  const char* first = message.data() + at + kPrefix.size();
  std::from_chars(first, message.data() + message.size(), code);
  return code;
}

struct ChdbConnection::Handle {
  chdb_connection* connection = nullptr;
};

ChdbConnection::ChdbConnection(std::vector<std::string> arguments)
    : handle_(std::make_unique<Handle>()) {
  arguments.insert(arguments.begin(), "signalbox");
  std::vector<char*> argv;
  argv.reserve(arguments.size());
  for (std::string& argument : arguments) argv.push_back(argument.data());
  handle_->connection = chdb_connect(static_cast<int>(argv.size()), argv.data());
  if (handle_->connection == nullptr) {
    throw EngineError(0,
                      "the embedded ClickHouse refused a connection; is the data folder writable?");
  }
}

ChdbConnection::~ChdbConnection() {
  chdb_close_conn(handle_->connection);
}

QueryResult ChdbConnection::query(const std::string& sql,
                                  const std::vector<Parameter>& parameters) {
  std::vector<const char*> names;
  std::vector<const char*> values;
  std::vector<std::size_t> name_lengths;
  std::vector<std::size_t> value_lengths;
  for (const Parameter& parameter : parameters) {
    names.push_back(parameter.name.data());
    name_lengths.push_back(parameter.name.size());
    values.push_back(parameter.value.data());
    value_lengths.push_back(parameter.value.size());
  }
  constexpr std::string_view kDefaultFormat = "TabSeparated";
  const Result result(chdb_query_with_params_n(
      *handle_->connection, sql.data(), sql.size(), kDefaultFormat.data(), kDefaultFormat.size(),
      names.data(), name_lengths.data(), values.data(), value_lengths.data(), parameters.size()));
  check(result);

  QueryResult answer;
  if (const char* data = chdb_result_buffer(result.get()); data != nullptr) {
    answer.data.assign(data, chdb_result_length(result.get()));
  }
  answer.rows_read = chdb_result_storage_rows_read(result.get());
  answer.bytes_read = chdb_result_storage_bytes_read(result.get());
  answer.elapsed_s = chdb_result_elapsed(result.get());
  return answer;
}

void ChdbConnection::insert(std::string_view statement, std::string_view format,
                            std::string_view data) {
  const Stream stream(chdb_stream_insert_n(*handle_->connection, statement.data(), statement.size(),
                                           format.data(), format.size()));
  if (stream == nullptr) throw_engine_error(nullptr);
  if (const char* error = chdb_stream_insert_error(stream.get()); error != nullptr) {
    throw_engine_error(error);
  }
  if (chdb_stream_append(stream.get(), data.data(), data.size()) != 0) {
    throw_engine_error(chdb_stream_insert_error(stream.get()));
  }
  const Result result(chdb_stream_done(stream.get()));
  check(result);
}

}  // namespace signalbox::server::store
