// SPDX-License-Identifier: Apache-2.0
// ShardedMap: a map whose copies share what did not change, so that a snapshot of a large catalog
// costs a few pointers and a change copies a small part of it.
//
// Threads: one writer; copies are read-only and may be read by anybody.
#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace outrigger::data_pusher {

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept {
    return std::hash<std::string_view>{}(text);
  }
};

template <typename Value>
class ShardedMap {
  static constexpr std::size_t kShards = 128;
  using Shard = std::unordered_map<std::string, Value, TextHash, std::equal_to<>>;

 public:
  ShardedMap() { shards_.fill(std::make_shared<Shard>()); }

  // Null when absent. Valid as long as this copy.
  const Value* Find(std::string_view key) const {
    const Shard& shard = *shards_[IndexOf(key)];
    const auto found = shard.find(key);
    return found == shard.end() ? nullptr : &found->second;
  }

  void Set(std::string_view key, Value value) {
    Own(IndexOf(key)).insert_or_assign(std::string(key), std::move(value));
  }
  void Erase(std::string_view key) {
    const std::size_t index = IndexOf(key);
    if (!shards_[index]->contains(key)) return;
    Shard& shard = Own(index);
    shard.erase(shard.find(key));
  }

  // A copy for readers. From here on the writer copies a shard before it changes it.
  ShardedMap Freeze() {
    owned_.reset();
    return *this;
  }

 private:
  static std::size_t IndexOf(std::string_view key) { return (TextHash{}(key) >> 7) % kShards; }
  Shard& Own(std::size_t index) {
    if (!owned_[index]) {
      shards_[index] = std::make_shared<Shard>(*shards_[index]);
      owned_[index] = true;
    }
    return *shards_[index];
  }

  // Shared among copies: the last reader of a shard frees it.
  std::array<std::shared_ptr<Shard>, kShards> shards_;
  std::bitset<kShards> owned_;
};

}  // namespace outrigger::data_pusher
