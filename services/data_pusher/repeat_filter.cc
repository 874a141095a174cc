// SPDX-License-Identifier: Apache-2.0
#include "data_pusher/repeat_filter.h"

namespace outrigger::data_pusher {
namespace {

// The finalizer of MurmurHash3 (A. Appleby, public domain): every bit of both depends on both.
std::uint64_t Mix(std::uint64_t a, std::uint64_t b) {
  std::uint64_t h = a ^ (b + 0x9e3779b97f4a7c15ULL + (a << 6) + (a >> 2));
  h ^= h >> 33;
  h *= 0xff51afd7ed558ccdULL;
  h ^= h >> 33;
  h *= 0xc4ceb9fe1a85ec53ULL;
  h ^= h >> 33;
  return h;
}

}  // namespace

void RepeatFilter::Trim(std::deque<Entry>& entries, std::int64_t oldest, std::size_t most) {
  while (!entries.empty() && (entries.size() > most || entries.front().arrival < oldest)) {
    const auto known = known_.find(entries.front().hash);
    if (known != known_.end() && --known->second == 0) known_.erase(known);
    entries.pop_front();
  }
}

bool RepeatFilter::IsNew(std::string_view asset_key, std::string_view sample_id,
                         ArrivalTime arrival) {
  const std::uint64_t asset = std::hash<std::string_view>{}(asset_key);
  const std::uint64_t sample = Mix(asset, std::hash<std::string_view>{}(sample_id));
  std::deque<Entry>& entries = assets_[asset];
  Trim(entries, arrival.ms - kSpanMs, limits_.samples_per_asset);
  const bool fresh = ++known_[sample] == 1;
  entries.push_back({sample, arrival.ms});
  // A noisy asset may not make the filter forget the quiet ones.
  const bool greedy = entries.size() > limits_.samples / assets_.size();
  const bool gives_up = known_.size() > limits_.samples * (greedy ? 1 : 2);
  Trim(entries, arrival.ms - kSpanMs, gives_up ? entries.size() / 2 : limits_.samples_per_asset);
  return fresh;
}

void RepeatFilter::Sweep(ArrivalTime now) {
  for (auto asset = assets_.begin(); asset != assets_.end();) {
    Trim(asset->second, now.ms - kSpanMs, limits_.samples_per_asset);
    asset = asset->second.empty() ? assets_.erase(asset) : std::next(asset);
  }
}

}  // namespace outrigger::data_pusher
