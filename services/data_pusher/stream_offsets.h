// SPDX-License-Identifier: Apache-2.0
// Offsets: how far a stream of telemetry got in each partition, as text for `id` and
// `Last-Event-ID`, so that a client resumes at any replica without state here.
//
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "outrigger/base/result.h"

namespace outrigger::data_pusher {

using Offsets = std::map<int, std::int64_t>;  // partition → next offset to read

// "0:17,1:40"
std::string FormatOffsets(const Offsets& offsets);
// What FormatOffsets() writes and nothing else. Errors: kInvalidArgument.
Result<Offsets> ParseOffsets(std::string_view text);

}  // namespace outrigger::data_pusher
