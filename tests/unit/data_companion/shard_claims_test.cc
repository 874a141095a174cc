// SPDX-License-Identifier: Apache-2.0
// Claims of shards: which hosts may still run what they claimed; and a simulation of hosts that
// take shards from each other, freeze, crash and are fenced at any moment.
#include <gtest/gtest.h>

#include <random>

#include "data_companion/shard_claims.h"

namespace outrigger::companion {
namespace {

using State = Claim::State;
using Slots = std::set<std::string>;

Slots After(const std::vector<Claim>& claims) {
  ClaimLog log;
  for (const Claim& claim : claims) log.emplace_back(static_cast<std::int64_t>(log.size()), claim);
  return MayRun(log);
}

TEST(ShardClaims, WhoClaimedMayRunAndSoMayWhoWasThereBefore) {
  EXPECT_EQ(After({}), Slots{});
  EXPECT_EQ(After({
                {State::kClaimed, "a", "a1"}
  }),
            Slots{"a"});
  EXPECT_EQ(After({
                {State::kSettled, "a", "a1"},
                {State::kClaimed, "b", "b1", {}}
  }),
            (Slots{"a", "b"}));
  EXPECT_EQ(After({
                {State::kClaimed, "b", "b1", {"a"}}
  }),
            (Slots{"a", "b"}))
      << "compaction took a's";
}

TEST(ShardClaims, WhoSettledUndisturbedRunsAlone) {
  EXPECT_EQ(After({
                {State::kSettled, "a", "a1"},
                {State::kClaimed, "b", "b1", {"a"}, 1},
                {State::kSettled, "b", "b1", {}, 1}
  }),
            Slots{"b"});
}

TEST(ShardClaims, ASettlementThatSomebodyElseDisturbedSettlesNothing) {
  EXPECT_EQ(After({
                {State::kClaimed, "a", "a1"},
                {State::kClaimed, "b", "b1"},
                {State::kSettled, "a", "a1"}
  }),
            (Slots{"a", "b"}));
  EXPECT_EQ(After({
                {State::kClaimed, "a", "a1"},
                {State::kSettled, "a", "a1"},
                {State::kClaimed, "b", "b1", {}, 0},
                {State::kSettled, "b", "b1", {}, 0}
  }),
            (Slots{"a", "b"}))
      << "b has not seen that a runs it";
}

TEST(ShardClaims, WhoReleasedRunsNoMore) {
  EXPECT_EQ(After({
                {State::kSettled,  "a", "a1"},
                {State::kReleased, "a", "a1"}
  }),
            Slots{});
}

TEST(ShardClaims, AClaimIsReadAsItWasWritten) {
  const Claim claim{
      State::kClaimed, "slot-1", "abc", {"slot-0", "slot-2"},
         17
  };
  const auto read = ReadClaim(WriteClaim(claim));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->state, claim.state);
  EXPECT_EQ(read->slot, claim.slot);
  EXPECT_EQ(read->instance, claim.instance);
  EXPECT_EQ(read->before, claim.before);
  EXPECT_EQ(read->seen, claim.seen);
  for (const char* bad : {"", "[]", "{}", R"({"state":"mine","slot":"a","instance":"b"})",
                          R"({"state":"claimed","slot":7,"instance":"b"})"})
    EXPECT_FALSE(ReadClaim(bad).ok()) << bad;
}

TEST(ShardClaims, DeploymentsAreSpreadOverAllShards) {
  std::map<int, int> count;
  for (int i = 0; i < 3'200; ++i) ++count[ShardOf("deployment" + std::to_string(i))];
  EXPECT_EQ(count.size(), static_cast<std::size_t>(messaging::kShards));
  for (const auto& [shard, deployments] : count) {
    EXPECT_GT(deployments, 50) << shard;
    EXPECT_LT(deployments, 200) << shard;
  }
}

// One shard, its claims, the journal of what runs in it, and the epochs of the slots' ids.
struct Shared {
  ClaimLog log;
  std::vector<std::string> journal;  // which instance committed
  std::map<std::string, int> epochs;
};

// A host as ShardClaims, Shards and JournalWriter make it, one step at a time; a host that is not
// stepped is frozen.
class SimulatedHost {
 public:
  SimulatedHost(Shared& shared, std::string slot) : shared_(shared), slot_(std::move(slot)) {
    Restart();
  }

  void Restart() {
    instance_ = slot_ + std::to_string(++lives_);
    epoch_ = ++shared_.epochs[slot_];
    step_ = Step::kIdle;
  }

  void Next(std::mt19937& chance) {
    switch (step_) {
      case Step::kIdle:
        if (chance() % 4 == 0) step_ = Step::kLook;
        return;
      case Step::kLook:
        seen_ = static_cast<std::int64_t>(shared_.log.size());
        others_ = MayRun(shared_.log);
        others_.erase(slot_);
        step_ = Step::kClaim;
        return;
      case Step::kClaim:
        to_fence_ = {others_.begin(), others_.end()};
        Say({State::kClaimed, slot_, instance_, others_, seen_}, Step::kFence);
        return;
      case Step::kFence:
        if (to_fence_.empty()) {
          step_ = Step::kSettle;
          return;
        }
        ++shared_.epochs[to_fence_.back()];
        to_fence_.pop_back();
        return;
      case Step::kSettle:
        Say({State::kSettled, slot_, instance_, {}, seen_}, Step::kCheck);
        return;
      case Step::kCheck:
        step_ = OnlyOurs() ? Step::kReadJournal : Step::kIdle;
        return;
      case Step::kReadJournal:
        known_ = shared_.journal.size();
        step_ = Step::kRun;
        return;
      case Step::kRun:
        if (chance() % 20 == 0)
          step_ = Step::kRelease;
        else
          Commit();
        return;
      case Step::kRelease:
        Say({State::kReleased, slot_, instance_}, Step::kIdle);
        return;
      case Step::kRegain:
        epoch_ = ++shared_.epochs[slot_];
        step_ = Step::kReplaced;
        return;
      case Step::kReplaced:
        if (holds_ && !OnlyOurs())
          Restart();
        else
          step_ = holds_ ? Step::kRun : Step::kIdle;
        return;
    }
  }

  bool broken() const { return broken_; }

 private:
  enum class Step {
    kIdle,
    kLook,
    kClaim,
    kFence,
    kSettle,
    kCheck,
    kReadJournal,
    kRun,
    kRelease,
    kRegain,
    kReplaced
  };

  bool Owns() const { return shared_.epochs[slot_] == epoch_; }

  void Say(Claim claim, Step then) {
    holds_ = step_ == Step::kRelease && !Owns();
    if (!Owns()) {
      step_ = Step::kRegain;
      return;
    }
    shared_.log.emplace_back(static_cast<std::int64_t>(shared_.log.size()), std::move(claim));
    step_ = then;
  }

  bool OnlyOurs() const {
    for (const auto& [offset, claim] : shared_.log)
      if (offset >= seen_ && claim.instance != instance_) return false;
    return true;
  }

  // What was committed by others since this host read the journal would be done twice.
  void Commit() {
    if (!Owns()) {
      holds_ = true;
      step_ = Step::kRegain;
      return;
    }
    if (shared_.journal.size() != known_) broken_ = true;
    shared_.journal.push_back(instance_);
    known_ = shared_.journal.size();
  }

  Shared& shared_;
  const std::string slot_;
  std::string instance_;
  int lives_ = 0, epoch_ = 0;
  Step step_ = Step::kIdle;
  std::int64_t seen_ = 0;
  std::size_t known_ = 0;
  Slots others_;
  std::vector<std::string> to_fence_;
  bool holds_ = false, broken_ = false;
};

// Returns how many commits there were; -1: two hosts ran the shard at the same time.
int Simulate(unsigned seed) {
  std::mt19937 chance(seed);
  Shared shared;
  std::vector<SimulatedHost> hosts;
  for (int i = 0; i < 3; ++i)
    hosts.emplace_back(shared, std::string(1, static_cast<char>('a' + i)));
  for (int step = 0; step < 300; ++step) {
    SimulatedHost& host = hosts[chance() % hosts.size()];
    const auto fate = chance() % 100;
    if (fate == 0)
      host.Restart();
    else if (fate == 1)  // the broker timed a transaction out
      ++shared.epochs[std::string(1, static_cast<char>('a' + chance() % 3))];
    else
      for (unsigned i = chance() % 8; i > 0; --i) host.Next(chance);
    if (host.broken()) return -1;
  }
  return static_cast<int>(shared.journal.size());
}

TEST(ShardClaims, NoTwoHostsEverRunAShardAtTheSameTime) {
  const char* wanted = std::getenv("OUTRIGGER_RUNS");
  const unsigned runs = wanted ? static_cast<unsigned>(std::stoul(wanted)) : 100;
  std::int64_t commits = 0;
  for (unsigned seed = 1; seed <= runs; ++seed) {
    const int done = Simulate(seed);
    ASSERT_GE(done, 0) << "seed " << seed;
    commits += done;
  }
  EXPECT_GT(commits, runs * 10) << "hosts hardly ever run anything";
}

}  // namespace
}  // namespace outrigger::companion
