// SPDX-License-Identifier: Apache-2.0
// Retry schedule: exponential backoff with jitter and an end, so that no peer is hammered and
// nobody waits for ever.
//
// Source: "equal jitter", half of the exponential delay fixed and half random (M. Brooker,
// Exponential Backoff And Jitter, AWS Architecture Blog, 2015).
#pragma once

#include <chrono>
#include <cstdint>

#include "outrigger/base/clock.h"

namespace outrigger {

struct RetrySchedule {
  Millis first{100};
  Millis max{10'000};
  int tries = 5;  // in all, the first one included

  // The delay before try `next` (2 is the first retry). `random` is uniform in [0, 1).
  Millis Delay(int next, double random) const;
  bool Exhausted(int tried) const { return tried >= tries; }
};

// Uniform in [0, 1), per thread, seeded from the system's random source.
double RandomUnit();

}  // namespace outrigger
