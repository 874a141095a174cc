// SPDX-License-Identifier: Apache-2.0
#include "data_pusher/hot_store.h"

#include "data_pusher/catalog_view.h"

namespace outrigger::data_pusher {

void HotStore::Put(const Sample& sample, int partition, std::int64_t offset) {
  const std::string key = CatalogKey(sample.tenant, sample.asset);
  const std::scoped_lock lock(mutex_);
  auto found = index_.find(key);
  if (found == index_.end()) {
    slots_.push_front({key, partition, {}});
    found = index_.emplace(key, slots_.begin()).first;
  } else {
    slots_.splice(slots_.begin(), slots_, found->second);
  }
  Slot& slot = *found->second;
  slot.partition = partition;
  for (const SampleValue& value : sample.values) {
    auto at = slot.values.find(value.telemetry);
    if (at == slot.values.end()) {
      at = slot.values
               .emplace(std::string(value.telemetry),
                        Entry{
                            {INT64_MIN, false},
                            -1
      })
               .first;
    }
    Entry& entry = at->second;
    const bool newer = sample.time > entry.point.time;
    const bool corrects = sample.time == entry.point.time && offset > entry.offset;
    if (newer || corrects)
      entry = {
          {sample.time, value.ToHistory()},
          offset
      };
  }
  while (slots_.size() > limit_) {
    index_.erase(slots_.back().key);
    slots_.pop_back();
  }
}

std::optional<HotStore::Values> HotStore::Find(std::string_view tenant,
                                               std::string_view asset) const {
  const std::string key = CatalogKey(tenant, asset);
  const std::scoped_lock lock(mutex_);
  const auto found = index_.find(key);
  if (found == index_.end()) return std::nullopt;
  return found->second->values;
}

void HotStore::Drop(int partition) {
  const std::scoped_lock lock(mutex_);
  for (auto slot = slots_.begin(); slot != slots_.end();) {
    if (slot->partition != partition) {
      ++slot;
      continue;
    }
    index_.erase(slot->key);
    slot = slots_.erase(slot);
  }
}

}  // namespace outrigger::data_pusher
