// SPDX-License-Identifier: Apache-2.0
// Records: what goes to and comes from Kafka, without a Kafka header in sight.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "outrigger/base/clock.h"

namespace outrigger::messaging {

struct TopicPartition {
  std::string topic;
  int partition = 0;
  friend auto operator<=>(const TopicPartition&, const TopicPartition&) = default;
};

using Headers = std::vector<std::pair<std::string, std::string>>;
// The value of the first header of this name; nullopt when absent.
std::optional<std::string_view> FindHeader(const Headers& headers, std::string_view name);

// One record as read.
struct Record {
  std::string topic;
  int partition = 0;
  std::int64_t offset = 0;
  std::optional<std::string> key;
  std::optional<std::string> value;  // nullopt: a tombstone
  Headers headers;
  ArrivalTime time;  // the broker's (LogAppendTime topics) or the producer's
};

// One record to write.
struct OutRecord {
  std::string topic;
  std::optional<int> partition;  // nullopt: by hash of the key (murmur2, as Java clients do)
  std::optional<std::string> key;
  std::optional<std::string> value;
  Headers headers;
};

// Whether this is a trace context as W3C's version 00 writes it: 55 characters, lower case, neither
// id all zeros.
bool IsTraceParent(std::string_view text);
// A new one. It is unique, not secret.
std::string NewTraceParent();

// CloudEvents 1.0 binary-mode headers (ce_id, ce_source, ce_type, ce_time, ce_specversion) plus
// traceparent, which every record of ours carries. `id` must be deterministic. A `traceparent` that
// is none is replaced by a new one.
Headers CloudEventHeaders(std::string_view id, std::string_view source, std::string_view type,
                          std::int64_t time_ms, std::string_view traceparent = {});

}  // namespace outrigger::messaging
