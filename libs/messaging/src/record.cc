// SPDX-License-Identifier: Apache-2.0
#include "outrigger/messaging/record.h"

#include "outrigger/base/text.h"
#include "outrigger/messaging/trace.h"

namespace outrigger::messaging {
namespace {

constexpr std::size_t kUsualHeaders = 14;  // of an output: six of these and its own

}  // namespace

std::optional<std::string_view> FindHeader(const Headers& headers, std::string_view name) {
  for (const auto& [key, value] : headers)
    if (key == name) return value;
  return std::nullopt;
}

bool IsTraceParent(std::string_view text) {
  return text.starts_with("00-") && TraceContext::Read(text);
}

std::string NewTraceParent() { return TraceContext::New().Text(); }

Headers CloudEventHeaders(std::string_view id, std::string_view source, std::string_view type,
                          std::int64_t time_ms, std::string_view traceparent) {
  Headers headers;
  headers.reserve(kUsualHeaders);  // an initializer list would copy each of them
  headers.emplace_back("ce_id", id);
  headers.emplace_back("ce_source", source);
  headers.emplace_back("ce_type", type);
  headers.emplace_back("ce_time", FormatTime(time_ms));
  headers.emplace_back("ce_specversion", "1.0");
  headers.emplace_back("traceparent",
                       IsTraceParent(traceparent) ? std::string(traceparent) : NewTraceParent());
  return headers;
}

}  // namespace outrigger::messaging
