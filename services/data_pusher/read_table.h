// SPDX-License-Identifier: Apache-2.0
// ReadTable: waits for a compacted topic to be read to its end, so that a view is as new as the
// question that is asked of it.
//
// Threads: may be called concurrently.
#pragma once

#include <chrono>
#include <functional>

#include "outrigger/messaging/table.h"

namespace outrigger::data_pusher {

// `reached` runs on the table's thread when the end is reached, before this returns.
// Errors: kUnavailable, kTimeout - Kafka is gone.
Result<> ReadTable(messaging::CompactedTable& table, std::chrono::milliseconds deadline,
                   std::function<void()> reached);

}  // namespace outrigger::data_pusher
