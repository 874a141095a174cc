// SPDX-License-Identifier: Apache-2.0
// JSON written straight into a string, so that the sample path builds no tree.
//
// Threads: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "outrigger/store/history.h"

namespace outrigger::data_pusher {

// Appends `text` quoted and escaped. Requires: valid UTF-8.
void AppendQuoted(std::string& out, std::string_view text);
void AppendValue(std::string& out, const store::HistoryValue& value);

}  // namespace outrigger::data_pusher
