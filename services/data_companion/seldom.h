// SPDX-License-Identifier: Apache-2.0
// Seldom: lets one log line in a while through, so that a model that fails always is told of and
// the log stays readable.
//
// Threads:  one at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "outrigger/base/clock.h"

namespace outrigger::companion {

class Seldom {
 public:
  explicit Seldom(Millis every = Millis(10'000)) : every_(every) {}

  // How many were left out since the last one; nullopt: leave this one out as well.
  std::optional<std::int64_t> Next(SteadyTime now) {
    if (next_ && now < *next_) {
      ++left_out_;
      return std::nullopt;
    }
    next_ = now + every_;
    return std::exchange(left_out_, 0);
  }

 private:
  const Millis every_;
  std::optional<SteadyTime> next_;
  std::int64_t left_out_ = 0;
};

}  // namespace outrigger::companion
