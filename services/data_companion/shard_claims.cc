// SPDX-License-Identifier: Apache-2.0
#include "data_companion/shard_claims.h"

#include <algorithm>
#include <array>
#include <format>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>

#include "outrigger/base/json.h"
#include "outrigger/base/log.h"
#include "outrigger/base/text.h"
#include "outrigger/messaging/record.h"

namespace outrigger::companion {
namespace {

using messaging::Consumer;
using messaging::TransactionalProducer;

constexpr Millis kRead{10'000};  // longer than a transaction of a frozen host may stay open
constexpr Millis kAdminWait{1'000};
constexpr Millis kCommit{10'000};
constexpr Millis kFence{10'000};

constexpr std::array<std::pair<Claim::State, const char*>, 3> kStates{
    {
     {Claim::State::kClaimed, "claimed"},
     {Claim::State::kSettled, "settled"},
     {Claim::State::kReleased, "released"},
     }
};

// Whether nobody else has said anything from an offset on.
bool OnlyOf(const std::string& instance, std::span<const ClaimLog::value_type> claims,
            std::int64_t from) {
  return std::ranges::all_of(claims, [&](const auto& claim) {
    return claim.first < from || claim.second.instance == instance;
  });
}

}  // namespace

int ShardOf(std::string_view deployment) {
  std::uint64_t hash = 14'695'981'039'346'656'037U;
  for (const char letter : deployment)
    hash = (hash ^ static_cast<unsigned char>(letter)) * 1'099'511'628'211U;
  return static_cast<int>(hash % messaging::kShards);
}

std::string TransactionalIdOf(const std::string& slot) { return "outrigger-companion-" + slot; }

Result<Claim> ReadClaim(const std::string& text) {
  OR_ASSIGN(const auto json, ParseJsonOr(text));
  Claim claim;
  const auto word = [&](const char* name) -> std::string {
    const auto found = json.is_object() ? json.find(name) : json.end();
    return found != json.end() && found->is_string() ? found->template get<std::string>() : "";
  };
  const std::string state = word("state");
  const auto known =
      std::ranges::find_if(kStates, [&](const auto& s) { return s.second == state; });
  claim.slot = word("slot");
  claim.instance = word("instance");
  if (known == kStates.end() || claim.slot.empty() || claim.instance.empty())
    return Error(ErrorCode::kCorrupt, "not a claim of a shard: " + text.substr(0, 200));
  claim.state = known->first;
  if (const auto before = json.find("before"); before != json.end() && before->is_array())
    for (const auto& slot : *before)
      if (slot.is_string()) claim.before.insert(slot.template get<std::string>());
  if (const auto seen = json.find("seen"); seen != json.end() && seen->is_number_integer())
    claim.seen = seen->template get<std::int64_t>();
  return claim;
}

std::string WriteClaim(const Claim& claim) {
  const auto state =
      std::ranges::find(kStates, claim.state, &std::pair<Claim::State, const char*>::first);
  return nlohmann::json{
      {"state",    state->second },
      {"slot",     claim.slot    },
      {"instance", claim.instance},
      {"before",   claim.before  },
      {"seen",     claim.seen    }
  }
      .dump();
}

std::set<std::string> MayRun(const ClaimLog& claims) {
  std::set<std::string> slots;
  for (std::size_t i = 0; i < claims.size(); ++i) {
    const Claim& claim = claims[i].second;
    if (claim.state == Claim::State::kReleased) {
      slots.erase(claim.slot);
      continue;
    }
    if (claim.state == Claim::State::kSettled &&
        OnlyOf(claim.instance, std::span(claims).first(i), claim.seen))
      slots.clear();
    slots.insert(claim.slot);
    slots.insert(claim.before.begin(), claim.before.end());
  }
  return slots;
}

ShardClaims::ShardClaims(messaging::KafkaOptions kafka, std::string slot, std::string instance)
    : kafka_(std::move(kafka)), slot_(std::move(slot)), instance_(std::move(instance)) {}

Result<std::set<int>> ShardClaims::Take(TransactionalProducer& producer,
                                        const std::set<int>& shards) {
  OR_ASSIGN(const auto first, Read(shards));
  std::map<int, Claim> claims;
  std::set<std::string> others;
  for (const int shard : shards) {
    auto before = MayRun(first.at(shard).claims);
    before.erase(slot_);  // our producer has fenced that one
    others.insert(before.begin(), before.end());
    claims[shard] = {Claim::State::kClaimed, slot_, instance_, std::move(before),
                     first.at(shard).end};
  }
  OR_RETURN_IF_ERROR(Write(producer, claims));
  OR_RETURN_IF_ERROR(Fence(others));
  for (auto& [shard, claim] : claims) {
    claim.state = Claim::State::kSettled;
    claim.before.clear();
  }
  OR_RETURN_IF_ERROR(Write(producer, claims));
  OR_ASSIGN(const auto last, Read(shards));
  std::set<int> taken;
  for (const int shard : shards) {
    if (!OnlyOf(instance_, last.at(shard).claims, first.at(shard).end)) continue;
    held_[shard] = first.at(shard).end;
    taken.insert(shard);
  }
  return taken;
}

Result<> ShardClaims::Release(TransactionalProducer& producer, const std::set<int>& shards) {
  std::map<int, Claim> claims;
  for (const int shard : shards) claims[shard] = {Claim::State::kReleased, slot_, instance_};
  OR_RETURN_IF_ERROR(Write(producer, claims));
  for (const int shard : shards) held_.erase(shard);
  return {};
}

Result<bool> ShardClaims::Replaced() {
  std::set<int> shards;
  for (const auto& [shard, from] : held_) shards.insert(shard);
  if (shards.empty()) return false;
  OR_ASSIGN(const auto logs, Read(shards));
  return std::ranges::any_of(held_, [&](const auto& held) {
    return !OnlyOf(instance_, logs.at(held.first).claims, held.second);
  });
}

// All that was committed when it was asked, also behind a transaction of somebody else that is
// open.
Result<std::map<int, ShardClaims::Log>> ShardClaims::Read(const std::set<int>& shards) {
  if (!admin_) {
    OR_ASSIGN(admin_, messaging::Admin::Make(kafka_));
  }
  OR_ASSIGN(const auto marks, admin_->HighWatermarks(messaging::kShardTopic, kAdminWait));
  OR_ASSIGN(const auto consumer, Consumer::Make(kafka_, {}));
  std::map<messaging::TopicPartition, std::int64_t> from;
  std::map<int, Log> logs;
  std::set<int> open;
  for (const int shard : shards) {
    if (!marks.contains(shard))
      return Error(ErrorCode::kUnavailable, "Kafka does not say where a shard's claims end");
    logs[shard].end = marks.at(shard);
    if (marks.at(shard) == 0) continue;
    from[{messaging::kShardTopic, shard}] = Consumer::kBeginning;
    open.insert(shard);
  }
  OR_RETURN_IF_ERROR(consumer->Assign(from));
  const auto until = SystemClock().Now() + kRead;
  while (!open.empty()) {
    if (SystemClock().Now() > until)
      return Error(ErrorCode::kTimeout, "the claims of shards cannot be read to their end");
    OR_ASSIGN(const auto batch, consumer->Poll(Millis{100}));
    for (const auto& record : batch.records) {
      if (!record.value) continue;
      OR_ASSIGN(auto claim, ReadClaim(*record.value));
      logs[record.partition].claims.emplace_back(record.offset, std::move(claim));
    }
    for (const auto& end : batch.ends)
      if (end.next >= logs[end.at.partition].end) open.erase(end.at.partition);
  }
  return logs;
}

Result<> ShardClaims::Write(TransactionalProducer& producer,
                            const std::map<int, Claim>& claims) const {
  OR_RETURN_IF_ERROR(producer.Begin());
  for (const auto& [shard, claim] : claims) {
    const std::string key = std::to_string(shard);
    const std::string json = WriteClaim(claim);
    OR_RETURN_IF_ERROR(producer.Send(
        {messaging::kShardTopic, shard, key, json,
         messaging::CloudEventHeaders(std::format("{}/{}", key, Sha256Hex(json)), "/data_companion",
                                      "dev.outrigger.shard.v1", SystemClock().WallMs())}));
  }
  return producer.Commit(kCommit);
}

Result<> ShardClaims::Fence(const std::set<std::string>& slots) const {
  for (const std::string& slot : slots) {
    LogWarning("the host of a slot is fenced: its deployments run here now", {
                                                                                 {"slot", slot}
    });
    auto fencing = TransactionalProducer::Make(kafka_, TransactionalIdOf(slot), kFence);
    if (!fencing) return std::move(fencing).error();
  }
  return {};
}

}  // namespace outrigger::companion
