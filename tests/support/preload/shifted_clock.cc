// SPDX-License-Identifier: Apache-2.0
// Preloaded into a service it puts its wall clock off by OUTRIGGER_CLOCK_SHIFT_S seconds. Only
// std::chrono::system_clock is: waits of the libraries go by other clocks.
#include <time.h>

#include <cstdlib>

// The return type has the layout of system_clock::time_point.
extern "C" long _ZNSt6chrono3_V212system_clock3nowEv() {
  static const char* text = std::getenv("OUTRIGGER_CLOCK_SHIFT_S");
  static const long shift = text ? std::atol(text) : 0;
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return (now.tv_sec + shift) * 1'000'000'000L + now.tv_nsec;
}
