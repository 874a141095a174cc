// SPDX-License-Identifier: Apache-2.0
#include "data_companion/shards.h"

#include <algorithm>
#include <utility>

#include "outrigger/base/log.h"
#include "outrigger/base/retry.h"

namespace outrigger::companion {
namespace {

constexpr Millis kLeave{
    3'000};  // for calls under way; then they are given up and repeated elsewhere
constexpr Millis kTryAgain{200};

std::set<int> Without(const std::set<int>& shards, const std::set<int>& others) {
  std::set<int> left;
  std::ranges::set_difference(shards, others, std::inserter(left, left.end()));
  return left;
}

}  // namespace

Shards::Shards(EventLoop& loop, Clock& clock, JournalWriter& writer, Metrics& metrics,
               Events events)
    : loop_(loop),
      clock_(clock),
      writer_(writer),
      count_(metrics.GetGauge("outrigger_companion_shards",
                              "Shards of deployments that this host runs, of 32.")),
      events_(std::move(events)) {}

bool Shards::RunsHere(const std::string& deployment) const {
  const int shard = ShardOf(deployment);
  return held_.contains(shard) && !leaving_.contains(shard);
}

bool Shards::Leaving(const std::string& deployment) const {
  return leaving_.contains(ShardOf(deployment));
}

void Shards::Assign(std::set<int> mine) {
  wanted_ = std::move(mine);
  Leave(Without(held_, wanted_));
  Tell();
}

void Shards::Revoke(const std::set<int>& gone, std::function<void()> done) {
  wanted_ = Without(wanted_, gone);
  waiting_.push_back(std::move(done));
  Leave(gone);
}

void Shards::Leave(const std::set<int>& shards) {
  const bool had = !leaving_.empty();
  std::ranges::copy_if(shards, std::inserter(leaving_, leaving_.end()),
                       [&](int shard) { return held_.contains(shard); });
  if (leaving_.empty()) {
    EndWaiting();
    return;
  }
  if (!had) leave_until_ = clock_.Now() + kLeave;
  events_.leaving();
}

void Shards::Pump() {
  const auto now = clock_.Now();
  if (now < next_try_) return;
  if (!leaving_.empty() && (events_.resting() || now >= leave_until_)) {
    events_.left();
    writer_.Release(leaving_, [this, shards = leaving_](const Result<>& released) {
      Released(shards, released);
    });
    return;
  }
  auto missing = Without(wanted_, held_);
  if (missing.empty()) return;
  taking_ = missing;
  writer_.Take(missing,
               [this, missing](const Result<std::set<int>>& shards) { Taken(missing, shards); });
}

void Shards::Taken(const std::set<int>& asked, const Result<std::set<int>>& shards) {
  taking_.clear();
  if (!shards) LogWarning("shards are not taken yet", {shards.error()});
  if (!shards || *shards != asked)
    next_try_ = clock_.Now() + Millis(static_cast<int>(kTryAgain.count() * (1 + RandomUnit())));
  if (!shards || shards->empty()) {
    EndWaiting();
    return;
  }
  held_.insert(shards->begin(), shards->end());
  LogInfo("shards taken", {
                              {"shards", shards->size()},
                              {"held",   held_.size()  }
  });
  Tell();
  events_.gained();
  Leave(Without(held_, wanted_));  // of what was revoked meanwhile
}

void Shards::Released(const std::set<int>& shards, const Result<>& released) {
  if (!released) {
    LogWarning("shards are not released yet", {released.error()});
    next_try_ = clock_.Now() + kTryAgain;
    return;
  }
  held_ = Without(held_, shards);
  leaving_ = Without(leaving_, shards);
  LogInfo("shards released", {
                                 {"shards", shards.size()},
                                 {"held",   held_.size() }
  });
  EndWaiting();
  Tell();
}

// What is being taken may be held in a moment: whoever gets it next would have to fence us.
void Shards::EndWaiting() {
  if (!leaving_.empty() || !taking_.empty()) return;
  for (const auto& done : std::exchange(waiting_, {})) done();
}

void Shards::Tell() {
  count_.Set(static_cast<double>(held_.size()));
  if (Without(wanted_, held_).empty()) ready_ = true;  // once: later ones come and go
}

}  // namespace outrigger::companion
