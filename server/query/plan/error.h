#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace signalbox::server::query {

/// Kinds of failure, in the words of gRPC; `api` maps them to HTTP statuses.
enum class ErrorCode : std::uint8_t {
  kInvalidArgument,
  kPermissionDenied,
  kNotFound,
  kMethodNotAllowed,
  kUnavailable,        ///< The same query may succeed in a moment.
  kResourceExhausted,  ///< It needs more than one query may have, whenever it is asked.
  kDeadlineExceeded,
  kInternal,
};

/// Why a request cannot be answered. `what()` is for people and says what to do.
class QueryError : public std::runtime_error {
 public:
  QueryError(ErrorCode code, const std::string& message)
      : std::runtime_error(message), code_(code) {}

  /// A wrong parameter called `parameter`.
  static QueryError invalid(std::string parameter, const std::string& message) {
    QueryError error(ErrorCode::kInvalidArgument, message);
    error.parameter = std::move(parameter);
    return error;
  }

  /// The parameter called `parameter` is wrong from `position` on, in bytes from 0.
  static QueryError invalid_at(std::string parameter, std::size_t position,
                               const std::string& message, std::string hint = "") {
    QueryError error =
        invalid(std::move(parameter), message + " at position " + std::to_string(position) + ".");
    error.position = position;
    error.hint = std::move(hint);
    return error;
  }

  [[nodiscard]] ErrorCode code() const noexcept { return code_; }

  std::string parameter;                ///< The parameter that is wrong, or "".
  std::optional<std::size_t> position;  ///< Where in a filter expression, in bytes from 0.
  std::string hint;                     ///< What to ask instead, or "".
  std::string allowed = "GET, HEAD";    ///< Of kMethodNotAllowed: the methods that there are.

 private:
  ErrorCode code_;
};

}  // namespace signalbox::server::query
