// SPDX-License-Identifier: Apache-2.0
// A companion's rows under seeded chance: requests that fail, are given up, parked and halved,
// drains and crashes at any moment, held against the plainest model there is: the journal as a set
// and the feed as a list.
//
// OUTRIGGER_RUNS=N: so many seeds; what fails names its seed.
#include <gmock/gmock.h>

#include <cstdlib>
#include <random>
#include <set>

#include "data_companion/row_queue.h"

namespace outrigger::companion {
namespace {

constexpr int kRunsInEachTest = 2'000;

class Simulation {
 public:
  explicit Simulation(unsigned seed)
      : random_(seed), ordered_(random_() % 4 != 0), queue_(MakeQueue()) {}

  void Run() {
    const int rows = 20 + static_cast<int>(random_() % 100);
    for (int step = 0; step < rows * 4 && !::testing::Test::HasFailure(); ++step) {
      now_ += Millis(1);
      if (read_ < rows && random_() % 2 == 0) Read();
      if (auto batch = queue_.Take(now_, 1 + random_() % 3); !batch.empty())
        away_.push_back(std::move(batch));
      if (random_() % 100 == 0) Restart();
      if (!away_.empty() && random_() % 2 == 0) Answer(true);
    }
    while (read_ < rows) Read();
    Finish();
    if (::testing::Test::HasFailure()) return;
    EXPECT_EQ(ended_.size(), static_cast<std::size_t>(rows));
    EXPECT_TRUE(journal_.empty());
    EXPECT_EQ(queue_.rows(), 0U);
    EXPECT_EQ(queue_.bytes(), 0U);
    EXPECT_EQ(queue_.parked(), 0U);
  }

 private:
  static std::string SubjectOf(std::int64_t seq) { return "s" + std::to_string(seq * 7 % 5); }
  RowQueue MakeQueue() const {
    return {
        ordered_, {.rows = 7, .bytes = 300}
    };
  }

  PendingRow RowOf(std::int64_t seq) const {
    PendingRow row;
    row.row.seq = row.cause = seq;
    row.bytes = seq % 17 == 16 ? 5U << 20 : static_cast<std::size_t>(seq * 13 % 60);
    return row;
  }

  void Read() { Push(read_++, false); }

  void Push(std::int64_t seq, bool parked) {
    PendingRow row = RowOf(seq);
    row.parked = parked;
    if (!parked && MayPark(row) && queue_.Follows(SubjectOf(seq), row)) {
      row.parked = true;
      Park(seq);
    }
    queue_.Push(SubjectOf(seq), std::move(row));
  }

  void Park(std::int64_t seq) {
    EXPECT_TRUE(MayPark(RowOf(seq))) << "too large for the journal: " << seq;
    EXPECT_TRUE(journal_.insert(seq).second) << "parked twice: " << seq;
    EXPECT_FALSE(ended_.contains(seq)) << "parked after its end: " << seq;
  }

  void Answer(bool may_fail) {
    const std::size_t pick = random_() % away_.size();
    auto batch = std::move(away_[pick]);
    away_.erase(away_.begin() + static_cast<std::ptrdiff_t>(pick));
    if (may_fail && random_() % 3 == 0) {
      Fail(std::move(batch));
      return;
    }
    for (const auto& lane : batch)
      for (const auto& row : lane.rows) End(lane.subject, row);
    queue_.Done(batch, random_() % 4 == 0 ? RowQueue::End::kGivenUp : RowQueue::End::kScored);
  }

  void Fail(RowQueue::Batch batch) {
    const std::size_t half = (RowsIn(batch) + 1) / 2;
    for (auto& lane : batch)
      for (auto& row : lane.rows) row.company = std::min(row.company, half);
    if (random_() % 2 == 0)
      queue_.Park(batch, [&](const std::string&, const PendingRow& row) { Park(row.row.seq); });
    queue_.Return(std::move(batch), now_ + Millis(random_() % 20));
  }

  void End(const std::string& subject, const PendingRow& row) {
    const std::int64_t seq = row.row.seq;
    EXPECT_EQ(subject, SubjectOf(seq));
    EXPECT_TRUE(ended_.insert(seq).second) << "ended twice: " << seq;
    EXPECT_EQ(journal_.erase(seq), row.parked ? 1U : 0U) << "the journal disagrees: " << seq;
    if (!ordered_) return;
    EXPECT_GT(seq, last_.try_emplace(subject, -1).first->second) << "out of order";
    last_[subject] = seq;
  }

  // A drain or a crash: what the journal holds comes back first, the rest is read again.
  void Restart() {
    std::vector<std::int64_t> parked(journal_.begin(), journal_.end());
    if (random_() % 2 == 0) {  // a drain: the queue gives back what it holds
      for (auto& batch : away_) queue_.Return(std::move(batch), {});
      std::set<std::int64_t> taken;
      for (const auto& [subject, row] : queue_.TakeParked()) taken.insert(row.row.seq);
      EXPECT_EQ(taken, journal_);
    }
    away_.clear();
    queue_ = MakeQueue();
    for (const std::int64_t seq : parked) Push(seq, true);
    for (std::int64_t seq = 0; seq < read_; ++seq)
      if (!ended_.contains(seq) && !journal_.contains(seq)) Push(seq, false);
  }

  void Finish() {
    for (int round = 0; round < 100'000 && (queue_.rows() > 0 || !away_.empty()); ++round) {
      now_ += Millis(5);
      if (auto batch = queue_.Take(now_, 2); !batch.empty()) away_.push_back(std::move(batch));
      if (!away_.empty()) Answer(false);
      if (::testing::Test::HasFailure()) return;
    }
  }

  std::mt19937 random_;
  const bool ordered_;
  RowQueue queue_;
  SteadyTime now_{};
  std::int64_t read_ = 0;
  std::vector<RowQueue::Batch> away_;
  std::set<std::int64_t> ended_, journal_;
  std::map<std::string, std::int64_t> last_;
};

TEST(RowQueueSimulationTest, EveryRowEndsOnceInOrderWhateverFailsAndCrashes) {
  const char* asked = std::getenv("OUTRIGGER_RUNS");
  const int runs = asked ? std::atoi(asked) : kRunsInEachTest;
  for (int seed = 1; seed <= runs; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Simulation(static_cast<unsigned>(seed)).Run();
    if (::testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace outrigger::companion
