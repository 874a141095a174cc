// SPDX-License-Identifier: Apache-2.0
// Sample: a telemetry record as views into its own bytes, so that routing copies nothing that it
// does not send.
//
// Threads:  a SampleParser and its samples belong to one thread.
// See also: docs/formats/telemetry.md
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "data_pusher/route.h"
#include "outrigger/base/result.h"
#include "outrigger/messaging/record.h"
#include "outrigger/store/history.h"

namespace outrigger::data_pusher {

struct SampleValue {
  std::string_view telemetry;
  ValueKind kind = ValueKind::kNumber;
  std::string_view raw;   // the JSON token as it came
  std::string_view text;  // of a string, unescaped
  double number = 0;
  bool flag = false;

  store::HistoryValue ToHistory() const;
};

struct Sample {
  std::string_view tenant;  // from the key
  std::string_view asset;
  std::int64_t time = 0;  // Unix ms
  std::vector<SampleValue> values;
};

class SampleParser {
 public:
  SampleParser();
  ~SampleParser();

  // The sample of a record; its views are good until the next call and as long as the record.
  // Errors: kCorrupt - not a telemetry record.
  Result<const Sample*> Parse(messaging::Record& record);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace outrigger::data_pusher
