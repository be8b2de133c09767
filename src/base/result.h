// Result<T>: a value or an Error. The one way functions of this project fail.
//
// An Error carries a code that callers act on, a message written for the caller of the API, and a detail for the log
// alone. The two texts are different types, so a path, a key or an internal state cannot slip into an answer.
// No exception crosses a module's edge; adapters catch those of libraries and return an Error.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace studio {

// Few and stable; each dialect maps every one of them to its own status and body in one file.
enum class Code {
  kInvalidArgument,
  kOutOfRange,  // an argument of the right kind whose value is too small, too large or not there
  kUnauthenticated,
  kPermissionDenied,
  kNotFound,
  kConflict,
  kQuotaExceeded,
  kOverloaded,  // ours, not the caller's quota
  kFailedPrecondition,
  kPayloadTooLarge,
  kCancelled,
  kDeadlineExceeded,
  kUnavailable,
  kCorruptData,
  kUnimplemented,
  kInternal,
};

std::string_view code_name(Code code);

// Text for the log: may hold paths and internal state. Never rendered into an answer.
struct PrivateDetail {
  std::string text;
};

class [[nodiscard]] Error {
 public:
  Error(Code code, std::string public_message) : code_(code), message_(std::move(public_message)) {}

  // The request field at fault, in the dialect's spelling ("messages[2].content"); empty where there is none.
  Error&& with_param(std::string param) && {
    param_ = std::move(param);
    return std::move(*this);
  }
  Error&& with_detail(std::string text) && {
    detail_.text = std::move(text);
    return std::move(*this);
  }
  Error&& with_retry_after(std::chrono::milliseconds delay) && {
    retry_after_ = delay;
    return std::move(*this);
  }

  Code code() const { return code_; }
  const std::string& message() const { return message_; }
  const std::string& param() const { return param_; }
  const PrivateDetail& detail() const { return detail_; }
  std::optional<std::chrono::milliseconds> retry_after() const { return retry_after_; }

 private:
  Code code_;
  std::string message_;
  std::string param_;
  PrivateDetail detail_;
  std::optional<std::chrono::milliseconds> retry_after_;
};

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT(google-explicit-constructor)
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  // Only after ok().
  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  // Only after !ok().
  Error& error() & { return std::get<1>(state_); }
  const Error& error() const& { return std::get<1>(state_); }
  Error&& error() && { return std::get<1>(std::move(state_)); }

 private:
  std::variant<T, Error> state_;
};

// Success without a value.
struct Ok {};
using Status = Result<Ok>;

// Hands the error of an expression on to the caller: STUDIO_TRY(auto file, MappedFile::open(path));
#define STUDIO_TRY_CONCAT_(a, b) a##b
#define STUDIO_TRY_NAME_(line) STUDIO_TRY_CONCAT_(studio_try_result_, line)
#define STUDIO_TRY(declaration, expression)                                                   \
  auto STUDIO_TRY_NAME_(__LINE__) = (expression);                                             \
  if (!STUDIO_TRY_NAME_(__LINE__).ok()) return std::move(STUDIO_TRY_NAME_(__LINE__)).error(); \
  declaration = std::move(STUDIO_TRY_NAME_(__LINE__)).value()

// The same for an expression whose value is not wanted: STUDIO_CHECK_OK(write_all(fd, bytes));
#define STUDIO_CHECK_OK(expression)                                   \
  do {                                                                \
    auto studio_status = (expression);                                \
    if (!studio_status.ok()) return std::move(studio_status).error(); \
  } while (false)

}  // namespace studio
