// SPDX-License-Identifier: Apache-2.0
#include "outrigger/base/retry.h"

#include <algorithm>
#include <cmath>
#include <random>

namespace outrigger {

Millis RetrySchedule::Delay(int next, double random) const {
  const int doublings = std::clamp(next - 2, 0, 40);
  const double full = std::min(static_cast<double>(max.count()),
                               std::ldexp(static_cast<double>(first.count()), doublings));
  return Millis{static_cast<std::int64_t>(full / 2 + random * full / 2)};
}

double RandomUnit() {
  thread_local std::mt19937_64 generator{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(generator);
}

}  // namespace outrigger
