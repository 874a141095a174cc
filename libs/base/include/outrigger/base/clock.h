// SPDX-License-Identifier: Apache-2.0
// Clock: the only source of time, so that everything that waits can be tested without waiting.
//
// Threads: every method may be called concurrently.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "outrigger/base/result.h"

namespace outrigger {

using Millis = std::chrono::milliseconds;
using SteadyTime = std::chrono::steady_clock::time_point;  // deadlines

// Unix milliseconds. Event time is when a value was measured, arrival time when Kafka took it
// (LogAppendTime): two types, because they are never comparable without a rule.
template <typename Tag>
struct UnixTime {
  std::int64_t ms = 0;
  friend auto operator<=>(const UnixTime&, const UnixTime&) = default;
};
using EventTime = UnixTime<struct EventTag>;
using ArrivalTime = UnixTime<struct ArrivalTag>;

class Clock {
 public:
  virtual ~Clock() = default;
  // Unix milliseconds of the wall clock.
  virtual std::int64_t WallMs() const = 0;
  // Monotonic time, for deadlines.
  virtual SteadyTime Now() const = 0;
};

// The computer's clock. Its lifetime is the program's.
Clock& SystemClock();

// A clock that stands still until told.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(std::int64_t wall_ms = 1'700'000'000'000) : wall_ms_(wall_ms) {}
  std::int64_t WallMs() const override { return wall_ms_; }
  SteadyTime Now() const override { return now_; }
  void Advance(Millis by) { wall_ms_ += by.count(), now_ += by; }

 private:
  std::int64_t wall_ms_;
  SteadyTime now_{};
};

// Blocks this thread. Only supervision loops may; everything else waits on a condition with a
// deadline.
void SleepFor(Millis time);

// RFC 3339 in UTC with milliseconds: 2026-11-21T10:00:00.000Z.
std::string FormatTime(std::int64_t unix_ms);
// RFC 3339 with any offset and up to nine fraction digits (cut to milliseconds), years 1970 to
// 9999. Errors: kInvalidArgument.
Result<std::int64_t> ParseTime(std::string_view text);

}  // namespace outrigger
