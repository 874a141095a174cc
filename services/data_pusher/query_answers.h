// SPDX-License-Identifier: Apache-2.0
// The answers of the read routes as text, so that their shape stands in one place.
//
// Threads: pure functions.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "outrigger/http/server.h"
#include "outrigger/store/history.h"
#include "outrigger/store/history_outputs.h"

namespace outrigger::data_pusher {

http::Response LatestAnswer(std::string_view asset,
                            const std::map<std::string, store::Point, std::less<>>& values);

// {"points": [[ms, value], …], "continue"} or, as CSV, time,value lines with the cursor in the
// header Outrigger-Continue.
http::Response PointsAnswer(const std::vector<store::AggregatePoint>& points,
                            const std::optional<std::string>& next, bool csv);

http::Response OutputsAnswer(const std::vector<store::OutputRow>& rows,
                             const std::optional<std::string>& next);

}  // namespace outrigger::data_pusher
