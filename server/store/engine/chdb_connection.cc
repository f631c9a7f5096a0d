#include "server/store/engine/chdb_connection.h"

#include <cstddef>

#include "server/store/engine/chdb_api.h"
#include "server/store/engine/error_text.h"

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
  const int code = clickhouse_error_code(text);
  throw EngineError(code, explained(code, text));
}

void check(const Result& result) {
  if (result == nullptr) throw_engine_error(nullptr);
  if (const char* error = chdb_result_error(result.get()); error != nullptr && *error != '\0') {
    throw_engine_error(error);
  }
}

constexpr std::string_view kDefaultFormat = "TabSeparated";

/// Parameters as libchdb takes them.
struct ParameterArrays {
  explicit ParameterArrays(const std::vector<Parameter>& parameters) {
    for (const Parameter& parameter : parameters) {
      names.push_back(parameter.name.data());
      name_lengths.push_back(parameter.name.size());
      values.push_back(parameter.value.data());
      value_lengths.push_back(parameter.value.size());
    }
  }
  std::vector<const char*> names;
  std::vector<const char*> values;
  std::vector<std::size_t> name_lengths;
  std::vector<std::size_t> value_lengths;
};

std::string_view data_of(const Result& result) {
  const char* data = chdb_result_buffer(result.get());
  return data == nullptr ? std::string_view()
                         : std::string_view(data, chdb_result_length(result.get()));
}

void add_statistics(QueryResult& answer, const Result& result) {
  answer.rows_read += chdb_result_storage_rows_read(result.get());
  answer.bytes_read += chdb_result_storage_bytes_read(result.get());
  answer.elapsed_s += chdb_result_elapsed(result.get());
}

/// A result under way, cancelled unless it has come to its end.
class ResultStream {
 public:
  ResultStream(chdb_connection connection, Result stream)
      : connection_(connection), stream_(std::move(stream)) {
    at_end_ = true;  // A stream that could not be begun needs no cancelling.
    check(stream_);
    at_end_ = false;
  }
  ~ResultStream() {
    if (!at_end_) chdb_stream_cancel_query(connection_, stream_.get());
  }
  ResultStream(const ResultStream&) = delete;
  ResultStream& operator=(const ResultStream&) = delete;

  /// The next piece; an empty one is the end.
  Result next() {
    at_end_ = true;  // So it is after an error.
    Result piece(chdb_stream_fetch_result(connection_, stream_.get()));
    check(piece);
    at_end_ = data_of(piece).empty();
    return piece;
  }

 private:
  chdb_connection connection_;
  Result stream_;
  bool at_end_ = false;
};

}  // namespace

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
  const ParameterArrays arrays(parameters);
  const Result result(chdb_query_with_params_n(
      *handle_->connection, sql.data(), sql.size(), kDefaultFormat.data(), kDefaultFormat.size(),
      arrays.names.data(), arrays.name_lengths.data(), arrays.values.data(),
      arrays.value_lengths.data(), parameters.size()));
  check(result);
  QueryResult answer;
  answer.data = data_of(result);
  add_statistics(answer, result);
  return answer;
}

QueryResult ChdbConnection::query_stream(const std::string& sql,
                                         const std::vector<Parameter>& parameters,
                                         const ResultSink& sink) {
  const ParameterArrays arrays(parameters);
  ResultStream stream(*handle_->connection,
                      Result(chdb_stream_query_with_params_n(
                          *handle_->connection, sql.data(), sql.size(), kDefaultFormat.data(),
                          kDefaultFormat.size(), arrays.names.data(), arrays.name_lengths.data(),
                          arrays.values.data(), arrays.value_lengths.data(), parameters.size())));
  QueryResult answer;
  for (;;) {
    const Result piece = stream.next();
    if (data_of(piece).empty()) return answer;
    add_statistics(answer, piece);
    if (!sink(data_of(piece))) return answer;
  }
}

void ChdbConnection::insert(std::string_view statement, std::string_view format,
                            std::span<const std::string_view> pieces) {
  const Stream stream(chdb_stream_insert_n(*handle_->connection, statement.data(), statement.size(),
                                           format.data(), format.size()));
  if (stream == nullptr) throw_engine_error(nullptr);
  if (const char* error = chdb_stream_insert_error(stream.get()); error != nullptr) {
    throw_engine_error(error);
  }
  bool taken = true;
  for (const std::string_view piece : pieces) {
    taken = taken &&
            (piece.empty() || chdb_stream_append(stream.get(), piece.data(), piece.size()) == 0);
  }
  const Result result(chdb_stream_done(stream.get()));  // Knows the reason where append does not.
  check(result);
  if (!taken) throw_engine_error("the engine did not take the whole block");
}

}  // namespace signalbox::server::store
