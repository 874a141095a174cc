// SPDX-License-Identifier: Apache-2.0
// RepeatFilter: remembers the samples of the last ten minutes, so that one that is sent again is
// not a new cause.
//
// Threads:  belongs to one thread.
// See also: docs/formats/telemetry.md (ce_id); the design's rule: 10 minutes by arrival, at most
//           the last 16,384 of an asset
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string_view>
#include <unordered_map>

#include "outrigger/base/clock.h"

namespace outrigger::data_pusher {

class RepeatFilter {
 public:
  static constexpr std::int64_t kSpanMs = 10 * 60 * 1000;

  struct Limits {
    std::size_t samples_per_asset = 16'384;
    // Of all assets. Beyond it an asset that adds and has more than its share gives up half; beyond
    // twice as many, whoever adds.
    std::size_t samples = 4'000'000;
  };
  RepeatFilter() : RepeatFilter(Limits{}) {}
  explicit RepeatFilter(const Limits& limits) : limits_(limits) {}

  // Whether this sample is new. New or not, its arrival is remembered, so that what a restart
  // rebuilds from the last ten minutes judges alike. `arrival` grows with the offset.
  bool IsNew(std::string_view asset_key, std::string_view sample_id, ArrivalTime arrival);

  // Forgets what is too old, of every asset. Call now and then.
  void Sweep(ArrivalTime now);

  std::size_t size() const { return known_.size(); }

 private:
  // Hashes only: a sample costs about 50 bytes. Two different samples of an asset look alike with a
  // chance of one in 2^64 for each pair.
  struct Entry {
    std::uint64_t hash;
    std::int64_t arrival;
  };
  void Trim(std::deque<Entry>& entries, std::int64_t oldest, std::size_t most);

  const Limits limits_;
  std::unordered_map<std::uint64_t, std::deque<Entry>> assets_;
  std::unordered_map<std::uint64_t, std::uint32_t> known_;  // how many of the entries are it
};

}  // namespace outrigger::data_pusher
