// SPDX-License-Identifier: Apache-2.0
// Cursor: where the next page begins, as an opaque text, so that pages neither repeat nor leave out
// what is there while new data arrives.
//
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "outrigger/base/result.h"
#include "outrigger/store/history_outputs.h"

namespace outrigger::data_pusher {

// Behind a point or an interval. Errors: kInvalidArgument - not a cursor of ours.
std::string PointCursor(std::int64_t time);
Result<std::int64_t> ParsePointCursor(std::string_view text);

// Behind a row of outputs.
std::string OutputCursor(const store::OutputRow& row);
Result<store::OutputsQuery::Place> ParseOutputCursor(std::string_view text);

}  // namespace outrigger::data_pusher
