// SPDX-License-Identifier: Apache-2.0
#include "outrigger/messaging/record.h"

#include <algorithm>
#include <format>
#include <functional>
#include <random>

#include "outrigger/base/text.h"

namespace outrigger::messaging {

std::optional<std::string_view> FindHeader(const Headers& headers, std::string_view name) {
  for (const auto& [key, value] : headers)
    if (key == name) return value;
  return std::nullopt;
}

bool IsTraceParent(std::string_view text) {
  if (text.size() != 55 || !text.starts_with("00-") || text[35] != '-' || text[52] != '-')
    return false;
  const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  return std::ranges::all_of(text.substr(3, 32), is_hex) &&
         std::ranges::all_of(text.substr(36, 16), is_hex) &&
         std::ranges::all_of(text.substr(53), is_hex);
}

// Asking the system for each would cost more than the record.
std::string NewTraceParent() {
  thread_local std::mt19937_64 random(std::hash<std::string>{}(RandomBytes(16)));
  return std::format("00-{:016x}{:016x}-{:016x}-01", random(), random(), random());
}

Headers CloudEventHeaders(std::string_view id, std::string_view source, std::string_view type,
                          std::int64_t time_ms, std::string_view traceparent) {
  Headers headers{
      {"ce_id",          std::string(id)    },
      {"ce_source",      std::string(source)},
      {"ce_type",        std::string(type)  },
      {"ce_time",        FormatTime(time_ms)},
      {"ce_specversion", "1.0"              }
  };
  headers.emplace_back("traceparent",
                       IsTraceParent(traceparent) ? std::string(traceparent) : NewTraceParent());
  return headers;
}

}  // namespace outrigger::messaging
