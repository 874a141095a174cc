// SPDX-License-Identifier: Apache-2.0
// Conversation: the score request that rows make and the outputs that a reply means, so that what a
// model says is checked like any stranger's input.
//
// Threads:  pure functions.
// See also: docs/formats/out.md
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "outrigger/base/result.h"
#include "outrigger/scoring/rows.h"
#include "outrigger/scoring/value.h"

namespace outrigger::scoring {

inline constexpr std::size_t kMaxRequestBytes = 16 << 20;
inline constexpr std::size_t kMaxReplyBytes = 16 << 20;

// "k7f3q9-r17-p0-2": deterministic for the deployment, the first row's seq, the partition and the
// number of rows.
std::string RequestId(const ModelShape& shape, int partition, std::span<const Row* const> rows);

// The body of POST scoreEndpoint. Rows of one subject stay in their order; subjects in the order of
// their first row.
std::string BuildRequest(const ModelShape& shape, std::string_view request_id,
                         std::span<const Row* const> rows);

// What a reply says of one subject: the value of an `out` record, and the feed offsets it answers.
struct Output {
  std::string subject;
  std::string value;  // {"assetId", "time", "columns"}, `time` filled in
  std::size_t rows = 0;
  std::vector<std::int64_t> offsets;  // of all rows of the subject in the request
};

// Checks a 200 reply against the request's rows. Subjects without an element have no output.
// Errors: kInvalidArgument - a bad reply; the message says what is wrong with it, shortened.
Result<std::vector<Output>> CheckReply(const ModelShape& shape, std::string_view body,
                                       std::span<const Row* const> rows);

// What becomes of a request that got no good reply (contracts, section "Reply").
enum class Failure {
  kRetry,  // a try is spent: 408, 425, 429, 5xx, time-out, connection refused or reset
  kFinal,  // no second try: other statuses, bad replies
};
Failure JudgeStatus(int status);

}  // namespace outrigger::scoring
