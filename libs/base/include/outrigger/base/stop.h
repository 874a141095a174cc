// SPDX-License-Identifier: Apache-2.0
// Stop: SIGTERM and SIGINT as a value, so that main() can start parts, wait, and stop them in
// reverse.
#pragma once

#include "outrigger/base/clock.h"

namespace outrigger {

// Blocks SIGTERM, SIGINT and SIGPIPE for this and all later threads. Call before any thread is
// made.
void BlockStopSignals();

// Waits for SIGTERM or SIGINT and returns its number. From then on a watchdog ends the process with
// exit code 3 if it still lives after `limit`.
int WaitForStopSignal(Millis limit = Millis{10'000});

}  // namespace outrigger
