// SPDX-License-Identifier: Apache-2.0
#include "data_pusher/hot_store.h"

#include <iterator>

#include "data_pusher/catalog_view.h"

namespace outrigger::data_pusher {
namespace {

constexpr std::size_t kSlotBytes = 300;   // of an asset, beside its values
constexpr std::size_t kValueBytes = 150;  // of a value, beside its text

std::size_t TextBytes(const store::HistoryValue& value) {
  const std::string* text = std::get_if<std::string>(&value);
  return text == nullptr ? 0 : text->size();
}

}  // namespace

void HotStore::Put(const Sample& sample, int partition, std::int64_t offset) {
  const std::string key = CatalogKey(sample.tenant, sample.asset);
  const std::scoped_lock lock(mutex_);
  auto found = index_.find(key);
  if (found == index_.end()) {
    slots_.push_front({key, partition, {}, kSlotBytes});
    bytes_ += kSlotBytes;
    found = index_.emplace(key, slots_.begin()).first;
  } else {
    slots_.splice(slots_.begin(), slots_, found->second);
  }
  Slot& slot = *found->second;
  slot.partition = partition;
  bytes_ -= slot.bytes;
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
      slot.bytes += kValueBytes + value.telemetry.size();
    }
    Entry& entry = at->second;
    const bool newer = sample.time > entry.point.time;
    const bool corrects = sample.time == entry.point.time && offset > entry.offset;
    if (!newer && !corrects) continue;
    slot.bytes -= TextBytes(entry.point.value);
    entry = {
        {sample.time, value.ToHistory()},
        offset
    };
    slot.bytes += TextBytes(entry.point.value);
  }
  bytes_ += slot.bytes;
  while (slots_.size() > limit_ || (bytes_ > most_bytes_ && slots_.size() > 1)) {
    Forget(std::prev(slots_.end()));
  }
}

void HotStore::Forget(std::list<Slot>::iterator slot) {
  bytes_ -= slot->bytes;
  index_.erase(slot->key);
  slots_.erase(slot);
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
    const auto at = slot++;
    if (at->partition == partition) Forget(at);
  }
}

}  // namespace outrigger::data_pusher
