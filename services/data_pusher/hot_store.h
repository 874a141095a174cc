// SPDX-License-Identifier: Apache-2.0
// HotStore: the latest values of the assets that spoke lately, in memory, so that `latest` is as
// new as routing and answers while PostgreSQL is gone.
//
// Threads: every method may be called concurrently.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "data_pusher/sample.h"
#include "data_pusher/sharded_map.h"
#include "outrigger/store/history.h"

namespace outrigger::data_pusher {

class HotStore {
 public:
  struct Entry {
    store::Point point;
    std::int64_t offset = 0;  // in the asset's partition: of equal times the later one counts
  };
  using Values = std::map<std::string, Entry, std::less<>>;  // by telemetry

  static constexpr std::size_t kBytes = 64 << 20;
  // Keeps at most `assets` assets and about `bytes`, those that spoke last.
  explicit HotStore(std::size_t assets, std::size_t bytes = kBytes)
      : limit_(assets), most_bytes_(bytes) {}

  void Put(const Sample& sample, int partition, std::int64_t offset);
  // nullopt: nothing known of this asset.
  std::optional<Values> Find(std::string_view tenant, std::string_view asset) const;
  // Another replica speaks for this partition now.
  void Drop(int partition);

 private:
  struct Slot {
    std::string key;
    int partition = 0;
    Values values;
    std::size_t bytes = 0;  // about
  };
  void Forget(std::list<Slot>::iterator slot);

  const std::size_t limit_;
  const std::size_t most_bytes_;
  mutable std::mutex mutex_;
  std::size_t bytes_ = 0;
  std::list<Slot> slots_;  // the one that spoke last first
  std::unordered_map<std::string, std::list<Slot>::iterator, TextHash, std::equal_to<>> index_;
};

}  // namespace outrigger::data_pusher
