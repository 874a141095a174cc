// SPDX-License-Identifier: Apache-2.0
// Logs: one JSON object a line on standard error, so that people and machines read the same.
//
// Threads: every function may be called concurrently.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "outrigger/base/result.h"

namespace outrigger {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// One field of a log line. Never pass a secret.
struct Field {
  Field(std::string_view key_, std::string_view text) : key(key_), value(text) {}
  Field(std::string_view key_, const char* text) : key(key_), value(text) {}
  Field(std::string_view key_, const std::string& text) : key(key_), value(text) {}
  Field(std::string_view key_, bool flag)
      : key(key_), value(flag ? "true" : "false"), quoted(false) {}
  template <std::integral T>
  Field(std::string_view key_, T number)
      : key(key_), value(std::to_string(number)), quoted(false) {}
  Field(std::string_view key_, double number);
  Field(const Error& error) : key("error"), value(error.ToString()) {}  // NOLINT

  std::string key;
  std::string value;
  bool quoted = true;
};

// Sets the service's name and the lowest level that is written. Call once, first thing in main().
void InitLog(std::string_view service, LogLevel lowest = LogLevel::kInfo);

// Log(kInfo, "listening", {{"port", 80}}): the event is a constant phrase, what varies are fields.
void Log(LogLevel level, std::string_view event, std::initializer_list<Field> fields = {});

inline void LogInfo(std::string_view event, std::initializer_list<Field> fields = {}) {
  Log(LogLevel::kInfo, event, fields);
}
inline void LogWarning(std::string_view event, std::initializer_list<Field> fields = {}) {
  Log(LogLevel::kWarning, event, fields);
}
inline void LogError(std::string_view event, std::initializer_list<Field> fields = {}) {
  Log(LogLevel::kError, event, fields);
}

}  // namespace outrigger
