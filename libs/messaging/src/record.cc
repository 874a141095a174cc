// SPDX-License-Identifier: Apache-2.0
#include "outrigger/messaging/record.h"

#include "outrigger/base/text.h"

namespace outrigger::messaging {

std::optional<std::string_view> FindHeader(const Headers& headers, std::string_view name) {
  for (const auto& [key, value] : headers)
    if (key == name) return value;
  return std::nullopt;
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
  headers.emplace_back("traceparent", traceparent.empty() ? "00-" + ToHex(RandomBytes(16)) + "-" +
                                                                ToHex(RandomBytes(8)) + "-01"
                                                          : std::string(traceparent));
  return headers;
}

}  // namespace outrigger::messaging
