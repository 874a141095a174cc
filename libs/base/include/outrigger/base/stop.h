// SPDX-License-Identifier: Apache-2.0
// Stop: SIGTERM and SIGINT as a value, so that main() can start parts, wait, and stop them in
// reverse.
#pragma once

#include "outrigger/base/clock.h"

namespace outrigger {

// Blocks SIGTERM, SIGINT and SIGPIPE for this and all later threads. Call before any thread is
// made.
void BlockStopSignals();

// Waits for SIGTERM or SIGINT and returns its number. From then on a watchdog ends the process if
// it still lives after `limit`: with exit code 3, or with 0 where whatever is left may be
// abandoned.
int WaitForStopSignal(Millis limit = Millis{10'000}, int late_exit = 3);

}  // namespace outrigger
