// SPDX-License-Identifier: Apache-2.0
// Result: a value or an Error, so that expected failures are values that nobody can drop unseen.
//
// Threads:  plain values.
// See also: docs/adr/0003-errors-are-values.md
#pragma once

#include <expected>
#include <optional>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>

namespace outrigger {

// The closed vocabulary of failures. What a caller does about each is in RetryClassOf().
enum class ErrorCode {
  kInvalidArgument,    // the caller's input is wrong: mend it
  kNotFound,           // there is no such thing (or it is another tenant's)
  kConflict,           // the state forbids it: read it again, then decide
  kUnavailable,        // a peer is gone: try later; nothing is known to have happened
  kTimeout,            // no answer in time: the outcome is unknown
  kResourceExhausted,  // a bound was reached: try later or ask for less
  kCorrupt,            // stored or received data breaks its format
  kUnauthenticated,    // no or bad credentials
  kCancelled,          // somebody asked us to stop
  kInternal,           // a defect of ours
};

std::string_view Name(ErrorCode code);

// What a failure means for whoever might try again.
enum class RetryClass { kNever, kLater, kReadBackFirst };
RetryClass RetryClassOf(ErrorCode code);

class Error {
 public:
  Error(ErrorCode code, std::string message, std::string hint = {})
      : code_(code), message_(std::move(message)), hint_(std::move(hint)) {}

  ErrorCode code() const { return code_; }
  // What happened, for a person; names no secret.
  const std::string& message() const { return message_; }
  // The field or setting to change; may be empty.
  const std::string& hint() const { return hint_; }

  // The same error told by an outer layer: "context: message".
  Error Within(std::string_view context) const;
  // "timeout: message (hint)".
  std::string ToString() const;

  friend bool operator==(const Error&, const Error&) = default;

 private:
  ErrorCode code_;
  std::string message_;
  std::string hint_;
};

template <typename T = void>
class [[nodiscard]] Result : public std::expected<T, Error> {
 public:
  using std::expected<T, Error>::expected;
  Result(Error error) : std::expected<T, Error>(std::unexpected(std::move(error))) {}  // NOLINT
  bool ok() const { return this->has_value(); }
};

// Aborts on a programmer's error: the journal makes a restart cheap, a wrong state is not.
[[noreturn]] void CheckFailed(const char* condition, std::string_view why,
                              std::source_location where);

}  // namespace outrigger

#define OR_CHECK(condition, why)                                                    \
  do {                                                                              \
    if (!(condition))                                                               \
      ::outrigger::CheckFailed(#condition, (why), std::source_location::current()); \
  } while (false)

#define OR_CONCAT_(a, b) a##b
#define OR_CONCAT(a, b) OR_CONCAT_(a, b)
// Returns the error of `expression` from the enclosing function, if it is one.
#define OR_RETURN_IF_ERROR(expression) \
  OR_RETURN_IF_ERROR_(OR_CONCAT(or_error_, __COUNTER__), expression)
#define OR_RETURN_IF_ERROR_(result, expression)                                \
  do {                                                                         \
    if (auto result = (expression); !result) return std::move(result).error(); \
  } while (false)
// OR_ASSIGN(auto x, F()): x is the value of F(), or the enclosing function returns its error.
#define OR_ASSIGN(target, expression) \
  OR_ASSIGN_(OR_CONCAT(or_value_, __COUNTER__), target, expression)
#define OR_ASSIGN_(result, target, expression)   \
  auto result = (expression);                    \
  if (!result) return std::move(result).error(); \
  target = *std::move(result)
