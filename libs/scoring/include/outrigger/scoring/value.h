// SPDX-License-Identifier: Apache-2.0
// Values and shapes: what a model reads and says, so that rows, requests and replies mean the same
// columns.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "outrigger/base/clock.h"
#include "outrigger/base/result.h"

namespace outrigger::scoring {

// One cell of a row; monostate is null.
using Value = std::variant<std::monostate, double, bool, std::string>;

struct InputColumn {
  std::string name;
  bool read_as_string = false;
};

enum class OutputType { kNumber, kString, kBoolean };
struct OutputColumn {
  std::string name;
  OutputType type = OutputType::kNumber;
};

enum class Alignment { kLatest, kExact, kUnion };

// What of a manifest scoring needs.
struct ModelShape {
  std::string model;
  std::string version;
  std::string deployment;
  std::vector<InputColumn> inputs;
  std::vector<OutputColumn> outputs;
  Alignment alignment = Alignment::kLatest;
  Millis allowed_lateness{0};
};

// A record of the feed.
struct FeedRecord {
  std::int64_t offset = 0;  // in its feed partition
  std::string subject;
  EventTime time;
  std::map<std::string, Value, std::less<>> values;  // by column
  int source_partition = 0;                          // header src
  std::int64_t source_offset = 0;
  std::int64_t revision = 0;  // header rev
};

// Reads a feed record's value and its headers `src` and `rev` (docs/formats/feed.md).
// Errors: kCorrupt.
Result<FeedRecord> ParseFeedRecord(std::int64_t offset, std::string_view value,
                                   std::string_view src, std::string_view rev);

}  // namespace outrigger::scoring
