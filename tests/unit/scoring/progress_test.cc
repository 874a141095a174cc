// SPDX-License-Identifier: Apache-2.0
#include "outrigger/scoring/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace outrigger::scoring {
namespace {

FeedRecord Record(std::int64_t offset, int source_partition, std::int64_t source_offset,
                  std::string subject = "x") {
  return {.offset = offset,
          .subject = std::move(subject),
          .time = {0},
          .values = {},
          .source_partition = source_partition,
          .source_offset = source_offset};
}

using Verdict = Progress::Verdict;

TEST(ProgressOfAPartition, MovesOverFinishedCausesOnly) {
  Progress progress;
  for (int offset = 0; offset < 4; ++offset)
    EXPECT_EQ(progress.Take(Record(offset, 0, offset)), Verdict::kNew);

  progress.Finish(2);
  EXPECT_EQ(progress.next(), 0);
  progress.Finish(0);
  EXPECT_EQ(progress.next(), 1);
  progress.Finish(1);
  EXPECT_EQ(progress.next(), 3);
}

TEST(ProgressOfAPartition, StepsOverHolesOfTheFeed) {
  Progress progress;
  progress.Take(Record(3, 0, 1));
  progress.Take(Record(9, 0, 2));

  progress.Finish(3);
  EXPECT_EQ(progress.next(), 4);
  progress.Finish(9);
  EXPECT_EQ(progress.next(), 10);
}

TEST(ProgressOfAPartition, KnowsRepeatsOfThePusherBySourceAndSubject) {
  Progress progress;

  EXPECT_EQ(progress.Take(Record(0, 0, 5, "x")), Verdict::kNew);
  EXPECT_EQ(progress.Take(Record(1, 0, 5, "y")),
            Verdict::kNew);  // one sample may serve several subjects
  EXPECT_EQ(progress.Take(Record(2, 0, 5, "x")), Verdict::kRepeat);
  EXPECT_EQ(progress.Take(Record(3, 0, 4, "x")), Verdict::kRepeat);
  EXPECT_EQ(progress.Take(Record(4, 1, 0, "x")), Verdict::kNew);  // another source partition
}

TEST(ProgressOfAPartition, WorksOnWhatWasTakenButNotFinishedBeforeACrash) {
  Progress before;
  for (int offset = 0; offset < 4; ++offset) before.Take(Record(offset, 0, offset));
  before.Finish(0);
  before.Finish(2);

  auto after = Progress::FromJson(before.ToJson(0));

  ASSERT_TRUE(after.ok()) << after.error().ToString();
  EXPECT_EQ(after->oldest(), 0);
  EXPECT_EQ(after->Take(Record(0, 0, 0)), Verdict::kFinished);
  EXPECT_EQ(after->Take(Record(1, 0, 1)), Verdict::kNew);
  EXPECT_EQ(after->Take(Record(2, 0, 2)), Verdict::kFinished);
  EXPECT_EQ(after->Take(Record(3, 0, 3)), Verdict::kNew);
  EXPECT_EQ(after->Take(Record(4, 0, 1)), Verdict::kRepeat);
}

TEST(ProgressOfAPartition, RefusesAJournalThatIsNoProgress) {
  EXPECT_FALSE(Progress::FromJson("[]").ok());
  EXPECT_FALSE(Progress::FromJson(R"({"next": "a"})").ok());
}

// Any feed with repeats, any order of finishing, a crash after any journal write: each source
// sample is finished by exactly one cause in all lives together.
TEST(ProgressOfAPartition, FinishesEachSampleExactlyOnceOverRandomCrashes) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    std::mt19937 random(seed);
    const auto chance = [&](int in) { return random() % static_cast<unsigned>(in) == 0; };
    std::vector<FeedRecord> feed;
    std::int64_t offset = 0;
    for (std::int64_t source = 0; source < 60; ++source) {
      offset += 1 + (chance(6) ? 3 : 0);
      feed.push_back(Record(offset, 0, source, chance(2) ? "x" : "y"));
      if (chance(8)) {  // the pusher crashed: it writes its last few again
        for (std::size_t back = std::min<std::size_t>(feed.size(), random() % 5); back > 0;
             --back) {
          FeedRecord again = feed[feed.size() - back];
          if (again.source_offset + static_cast<std::int64_t>(5) < source) continue;
          again.offset = ++offset;
          feed.push_back(again);
        }
      }
    }
    std::map<std::int64_t, int> committed;  // source offset -> causes recorded
    std::string journal = Progress().ToJson(0);
    for (int life = 0; life < 200; ++life) {
      auto progress = Progress::FromJson(journal);
      ASSERT_TRUE(progress.ok());
      std::vector<FeedRecord> open;
      std::map<std::int64_t, int> uncommitted;
      bool crashed = false;
      for (const FeedRecord& record : feed) {
        if (record.offset < progress->oldest()) continue;
        if (progress->Take(record) == Verdict::kNew) open.push_back(record);
        while (!open.empty() && !chance(3)) {
          const std::size_t pick = random() % open.size();
          progress->Finish(open[pick].offset);
          ++uncommitted[open[pick].source_offset];
          open.erase(open.begin() + static_cast<std::ptrdiff_t>(pick));
        }
        if (chance(5)) {  // commit: outputs and progress together
          for (const auto& [source, count] : uncommitted) committed[source] += count;
          uncommitted.clear();
          journal = progress->ToJson(progress->next() - static_cast<std::int64_t>(random() % 4));
        }
        if ((crashed = chance(25))) break;
      }
      if (crashed) continue;
      for (const FeedRecord& record : open)
        progress->Finish(record.offset), ++uncommitted[record.source_offset];
      for (const auto& [source, count] : uncommitted) committed[source] += count;
      break;
    }
    for (std::int64_t source = 0; source < 60; ++source)
      EXPECT_EQ(committed[source], 1) << "seed " << seed << " source " << source;
  }
}

TEST(OffsetRanges, AreWrittenShort) {
  EXPECT_EQ(Ranges({17, 19, 20, 21}), "17-17,19-21");
  EXPECT_EQ(Ranges({}), "");
}

}  // namespace
}  // namespace outrigger::scoring
