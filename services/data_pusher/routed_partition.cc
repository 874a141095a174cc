// SPDX-License-Identifier: Apache-2.0
#include "data_pusher/routed_partition.h"

#include "outrigger/base/result.h"

namespace outrigger::data_pusher {
namespace {

constexpr std::size_t kSwitches = 1'024;

}  // namespace

void RoutedPartition::Found(std::int64_t first, ArrivalTime arrival) {
  OR_CHECK(phase_ == Phase::kFind, "the first offset is found once");
  first_ = first;
  arrival_ = arrival;
  acks_ = std::make_shared<AckTracker>(first);
  committed = first;
  phase_ = Phase::kLookUp;
}

void RoutedPartition::LookedUp(std::int64_t from) {
  OR_CHECK(phase_ == Phase::kLookUp, "looked up after it was found");
  phase_ = from < first_ ? Phase::kRebuild : Phase::kRoute;
}

bool RoutedPartition::Routes(std::int64_t offset) {
  if (offset < first_) return false;
  phase_ = Phase::kRoute;
  return true;
}

void RoutedPartition::AtEnd(std::int64_t next) {
  if (phase_ == Phase::kRebuild) {
    if (next < first_) return;
    phase_ = Phase::kRoute;
  }
  if (phase_ == Phase::kRoute && next > acks_->Position()) acks_->MoveTo(next);
}

void RoutedPartition::SwitchTo(std::int64_t revision) {
  if (!acks_ || revision <= routed_by_) return;
  routed_by_ = revision;
  if (switches_.size() >= kSwitches) switches_.pop_back();  // the later one promises as much
  switches_.push_back({revision, acks_->Untouched()});
}

std::optional<RoutedPartition::Status> RoutedPartition::Promise() {
  if (!acks_) return std::nullopt;
  const std::int64_t below = acks_->Below();
  while (!switches_.empty() && switches_.front().position <= below) {
    promised_ = switches_.front().revision;
    switches_.pop_front();
  }
  if (promised_ < 0) return std::nullopt;
  return Status{promised_, below};
}

std::string StatusJson(int partition, const RoutedPartition::Status& status, std::int64_t now_ms) {
  return "{\"partition\":" + std::to_string(partition) +
         ",\"catalogRevision\":" + std::to_string(status.revision) +
         ",\"offset\":" + std::to_string(status.offset) + ",\"time\":" + std::to_string(now_ms) +
         "}";
}

}  // namespace outrigger::data_pusher
