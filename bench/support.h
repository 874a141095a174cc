// SPDX-License-Identifier: Apache-2.0
// What the programs of the benches share: results that must be good, and the times of samples.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "outrigger/base/result.h"

namespace outrigger::bench {

using SteadyTime = std::chrono::steady_clock::time_point;

template <typename T>
T Must(Result<T> result, const char* what) {
  if (!result) {
    std::fprintf(stderr, "bench: %s: %s\n", what, result.error().ToString().c_str());
    std::exit(1);
  }
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

// When each sample (by its event time) was acknowledged and when what became of it was read.
class Times {
 public:
  void Acknowledged(std::int64_t time) {
    const std::lock_guard lock(mutex_);
    acknowledged_.emplace(time, std::chrono::steady_clock::now());
  }
  void Read(std::int64_t time) {
    const auto now = std::chrono::steady_clock::now();
    const std::lock_guard lock(mutex_);
    read_[time].push_back(now);
  }
  std::size_t read() const {
    const std::lock_guard lock(mutex_);
    return read_.size();
  }
  std::size_t acknowledged() const {
    const std::lock_guard lock(mutex_);
    return acknowledged_.size();
  }

  // Prints the percentiles, without the first fifth. Ends the program with an error unless each of
  // the `sent` samples was acknowledged and read once.
  void Print(std::size_t sent) const {
    const std::lock_guard lock(mutex_);
    std::vector<double> took;
    for (const auto& [time, at] : acknowledged_) {
      const auto found = read_.find(time);
      const std::size_t times = found == read_.end() ? 0 : found->second.size();
      if (times != 1) {
        std::fprintf(stderr, "bench: sample %lld was read %zu times\n",
                     static_cast<long long>(time), times);
        std::exit(1);
      }
      took.push_back(std::max(
          0.0, std::chrono::duration<double, std::milli>(found->second.front() - at).count()));
    }
    if (took.size() != sent) {
      std::fprintf(stderr, "bench: %zu of %zu samples were acknowledged\n", took.size(), sent);
      std::exit(1);
    }
    took.erase(took.begin(), took.begin() + static_cast<std::ptrdiff_t>(took.size() / 5));
    std::ranges::sort(took);
    std::printf("{\"samples\": %zu, \"p50_ms\": %.3f, \"p99_ms\": %.3f}\n", took.size(),
                took[took.size() / 2], took[took.size() * 99 / 100]);
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::int64_t, SteadyTime> acknowledged_;
  std::map<std::int64_t, std::vector<SteadyTime>> read_;
};

// The times of a record: "time":[N,…] or "time":N.
inline std::vector<std::int64_t> TimesIn(const std::string& value) {
  std::vector<std::int64_t> times;
  const auto at = value.find("\"time\":");
  if (at == std::string::npos) return times;
  const bool list = value[at + 7] == '[';
  const char* next = value.c_str() + at + 7 + (list ? 1 : 0);
  for (char* end = nullptr;; next = end + 1) {
    const std::int64_t time = std::strtoll(next, &end, 10);
    if (end == next) return times;
    times.push_back(time);
    if (*end != ',' || !list) return times;
  }
}

}  // namespace outrigger::bench
