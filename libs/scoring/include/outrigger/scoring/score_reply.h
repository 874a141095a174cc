// SPDX-License-Identifier: Apache-2.0
// Score replies: what a model said, checked like any untrusted input, so that only complete and
// well-typed outputs of the assets it was asked about are recorded.
//
// Threads: pure functions.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "outrigger/base/result.h"
#include "outrigger/scoring/score_request.h"

namespace outrigger::scoring {

// What an HTTP status means for a request.
enum class Verdict {
  kAnswered,  // 200: look at the body
  kTryAgain,  // 408, 425, 429, 5xx
  kBadReply,  // another 2xx, and 1xx and 3xx: no second try
  kRefused,   // another 4xx: no second try
};
Verdict VerdictOf(int status);
// Whether such a failure says something of the model as a whole (429, 503) rather than of the
// rows in the request: then it is not halved before the tries are used up.
bool ConcernsWholeModel(int status);
// Retry-After: seconds or an HTTP date, capped at an hour; nullopt when absent or unreadable.
std::optional<Millis> RetryAfter(std::string_view header, std::int64_t now_wall_ms);

// The outputs for one asset of the request.
struct AssetOutput {
  std::size_t asset = 0;                    // index into the request's data
  std::vector<std::int64_t> times;          // Unix milliseconds
  std::vector<std::vector<Value>> columns;  // by output column, then row
};

// Checks a 200 body against the request. Outputs of one asset that come in pieces are put together;
// an asset without outputs is absent. Errors: kCorrupt - a bad reply; the message says why.
Result<std::vector<AssetOutput>> CheckReply(std::string_view body,
                                            std::span<const OutputColumn> columns,
                                            std::span<const AssetRows> asked);

// The value of an `out` record (docs/formats/out.md).
std::string OutRecordValue(std::string_view asset, std::span<const OutputColumn> columns,
                           const AssetOutput& output);

}  // namespace outrigger::scoring
