// SPDX-License-Identifier: Apache-2.0
#include "outrigger/scoring/feed_progress.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <random>

namespace outrigger::scoring {
namespace {

using Judgement = FeedProgress::Judgement;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

void Settle(FeedProgress& progress) {
  while (progress.PopSettled()) {
  }
}

FeedProgress Reloaded(const FeedProgress& progress) {
  auto loaded = FeedProgress::From(nlohmann::json::parse(progress.ToJson(progress.next()).dump()));
  EXPECT_TRUE(loaded.ok());
  return *std::move(loaded);
}

TEST(SourceTest, IsPartitionColonOffset) {
  EXPECT_EQ(ParseSource("3:17")->partition, 3);
  EXPECT_EQ(ParseSource("3:17")->offset, 17);
  for (const auto* text : {"", "3", "3:", ":3", "3:1x", "a:1"})
    EXPECT_FALSE(ParseSource(text)) << text;
}

TEST(FeedProgressTest, NextMovesOverWhatIsFinishedWithoutGap) {
  FeedProgress progress;
  for (int i = 0; i < 4; ++i) progress.Take(i, Source{0, i}, "s", nullptr);

  progress.Finish(1);
  progress.Finish(3);
  EXPECT_FALSE(progress.PopSettled());
  EXPECT_THAT(progress.Done(), ElementsAre(Pair(1, 1), Pair(3, 3)));
  progress.Finish(0);
  Settle(progress);

  EXPECT_EQ(progress.next(), 2);
  EXPECT_EQ(progress.unfinished(), 1U);
  EXPECT_THAT(progress.Done(), ElementsAre(Pair(3, 3)));
}

TEST(FeedProgressTest, HolesInTheOffsetsHoldNothingBack) {
  FeedProgress progress;
  progress.Take(5, {}, "s", nullptr);
  progress.Take(9, {}, "s", nullptr);

  progress.Finish(5);
  Settle(progress);
  EXPECT_EQ(progress.next(), 9);
  progress.Finish(9);
  Settle(progress);
  EXPECT_EQ(progress.next(), 10);
}

TEST(FeedProgressTest, ARecordThePusherWroteAgainIsARepeat) {
  FeedProgress progress;

  EXPECT_EQ(progress.Take(0, Source{0, 10}, "a", nullptr), Judgement::kNew);
  EXPECT_EQ(progress.Take(1, Source{0, 10}, "b", nullptr), Judgement::kNew);
  EXPECT_EQ(progress.Take(2, Source{1, 4}, "a", nullptr), Judgement::kNew);
  EXPECT_EQ(progress.Take(3, Source{0, 10}, "a", nullptr), Judgement::kRepeat);
  EXPECT_EQ(progress.Take(4, Source{0, 9}, "a", nullptr), Judgement::kRepeat);
  EXPECT_EQ(progress.Take(5, Source{0, 11}, "a", nullptr), Judgement::kNew);
}

TEST(FeedProgressTest, ARestartTakesTheUnfinishedAgainAndTheFinishedNever) {
  FeedProgress progress;
  for (int i = 0; i < 5; ++i) progress.Take(i, Source{0, i}, "s", nullptr);
  for (const int i : {0, 2, 4}) progress.Finish(i);
  Settle(progress);

  FeedProgress again = Reloaded(progress);

  EXPECT_EQ(again.next(), 1);
  EXPECT_EQ(again.Take(0, Source{0, 0}, "s", nullptr), Judgement::kFinished);
  EXPECT_EQ(again.Take(1, Source{0, 1}, "s", nullptr), Judgement::kNew);
  EXPECT_EQ(again.Take(2, Source{0, 2}, "s", nullptr), Judgement::kFinished);
  EXPECT_EQ(again.Take(3, Source{0, 3}, "s", nullptr), Judgement::kNew);
  EXPECT_EQ(again.Take(4, Source{0, 4}, "s", nullptr), Judgement::kFinished);
  EXPECT_EQ(again.Take(5, Source{0, 2}, "s", nullptr), Judgement::kRepeat);
  EXPECT_EQ(again.Take(6, Source{0, 6}, "s", nullptr), Judgement::kNew);
}

TEST(FeedProgressTest, TheJournalKeepsWhatIsDoneAboveAlsoBeforeItIsReadAgain) {
  FeedProgress progress;
  for (int i = 0; i < 9; ++i) progress.Take(i, Source{0, i}, "s", nullptr);
  for (const int i : {4, 5, 6, 8}) progress.Finish(i);

  FeedProgress again = Reloaded(progress);
  EXPECT_THAT(again.Done(), ElementsAre(Pair(4, 6), Pair(8, 8)));
  for (int i = 0; i < 6; ++i) again.Take(i, Source{0, i}, "s", nullptr);

  EXPECT_THAT(again.Done(), ElementsAre(Pair(4, 5), Pair(6, 6), Pair(8, 8)));
}

TEST(FeedProgressTest, RefusesAJournalThatIsNone) {
  EXPECT_FALSE(FeedProgress::From(nlohmann::json::parse("{}")).ok());
  EXPECT_FALSE(FeedProgress::From(nlohmann::json::parse(R"({"next": "x"})")).ok());
}

// Random finishing, random restarts, a pusher that repeats itself: each source record is new until
// it is finished, and then never again.
TEST(FeedProgressTest, WhateverHappensEachCauseEndsExactlyOnce) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    struct InFeed {
      Source source;
      std::string subject;
    };
    std::vector<InFeed> feed;
    for (int i = 0; i < 60;) {  // the pusher dies now and then and writes its last ones again
      feed.push_back({
          {0, i},
          i % 3 ? "a" : "b"
      });
      if (i % 5 == 0)
        feed.push_back({
            {0, i},
            "c"
        });
      i = random() % 10 == 0 ? std::max(0, i - 3) : i + 1;
    }
    std::map<std::pair<std::int64_t, std::string>, int> ended;
    FeedProgress progress;
    std::size_t read = 0;
    std::vector<std::size_t> open;
    while (read < feed.size() || !open.empty()) {
      if (random() % 15 == 0) {  // restart from the journal
        progress = Reloaded(progress);
        read = static_cast<std::size_t>(progress.next());
        open.clear();
      }
      if (read < feed.size() && random() % 2) {
        const auto judgement = progress.Take(static_cast<std::int64_t>(read), feed[read].source,
                                             feed[read].subject, nullptr);
        if (judgement == Judgement::kNew) open.push_back(read);
        ++read;
      } else if (!open.empty()) {
        const auto pick = open.begin() + static_cast<std::ptrdiff_t>(random() % open.size());
        ++ended[{feed[*pick].source.offset, feed[*pick].subject}];
        progress.Finish(static_cast<std::int64_t>(*pick));
        open.erase(pick);
      }
      Settle(progress);
    }
    EXPECT_EQ(progress.next(), static_cast<std::int64_t>(feed.size()));
    EXPECT_EQ(ended.size(), 72U);
    for (const auto& [cause, count] : ended) ASSERT_EQ(count, 1) << cause.first << cause.second;
  }
}

}  // namespace
}  // namespace outrigger::scoring
