// SPDX-License-Identifier: Apache-2.0
#include "data_companion/row_queue.h"

#include <gmock/gmock.h>

#include <set>

namespace outrigger::companion {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using End = RowQueue::End;

constexpr SteadyTime kNow{};

PendingRow RowAt(std::int64_t seq, std::size_t bytes = 10) {
  PendingRow row;
  row.row.seq = row.cause = seq;
  row.bytes = bytes;
  return row;
}

std::vector<std::int64_t> SeqsOf(const RowQueue::Batch& batch, const std::string& subject) {
  std::vector<std::int64_t> seqs;
  for (const auto& lane : batch)
    if (lane.subject == subject)
      for (const auto& row : lane.rows) seqs.push_back(row.row.seq);
  return seqs;
}

TEST(RowQueueTest, WhatPiledUpOfOneAssetGoesTogetherInOrder) {
  RowQueue queue(true, {});
  for (int i = 0; i < 3; ++i) queue.Push("a", RowAt(i));

  const auto batch = queue.Take(kNow, 1);

  EXPECT_THAT(SeqsOf(batch, "a"), ElementsAre(0, 1, 2));
  EXPECT_THAT(queue.Take(kNow, 1), IsEmpty());
}

TEST(RowQueueTest, ARowOfAnEarlierTimeGoesInARequestOfItsOwn) {
  RowQueue queue(true, {});
  for (const auto& [seq, time] : {
           std::pair{0, 10},
           {1, 20},
           {2, 5 },
           {3, 6 },
           {4, 6 }
  }) {
    PendingRow row = RowAt(seq);
    row.row.time = EventTime{time};
    queue.Push("a", std::move(row));
  }

  const auto first = queue.Take(kNow, 1);
  EXPECT_THAT(SeqsOf(first, "a"), ElementsAre(0, 1));
  queue.Done(first, End::kScored);
  EXPECT_THAT(SeqsOf(queue.Take(kNow, 1), "a"), ElementsAre(2, 3, 4));
}

TEST(RowQueueTest, AnAssetHasOneRequestAtATimeOthersGoBeside) {
  RowQueue queue(true, {});
  queue.Push("a", RowAt(0));
  const auto first = queue.Take(kNow, 8);
  queue.Push("a", RowAt(1));
  queue.Push("b", RowAt(2));

  const auto second = queue.Take(kNow, 8);
  EXPECT_THAT(SeqsOf(second, "a"), IsEmpty());
  EXPECT_THAT(SeqsOf(second, "b"), ElementsAre(2));
  EXPECT_THAT(queue.Take(kNow, 8), IsEmpty());

  queue.Done(first, End::kScored);
  EXPECT_THAT(SeqsOf(queue.Take(kNow, 8), "a"), ElementsAre(1));
}

TEST(RowQueueTest, ReadyRowsAreSpreadOverTheRequestsThatMayStart) {
  RowQueue queue(true, {});
  for (int i = 0; i < 12; ++i) queue.Push("a" + std::to_string(i), RowAt(i));

  EXPECT_EQ(RowsIn(queue.Take(kNow, 4)), 3U);
  EXPECT_EQ(RowsIn(queue.Take(kNow, 1)), 9U);
}

TEST(RowQueueTest, ARequestHoldsNoMoreRowsAndBytesThanAllowed) {
  RowQueue queue(true, {.rows = 5, .bytes = 100});
  for (int i = 0; i < 20; ++i) queue.Push("a", RowAt(i, 30));

  const auto batch = queue.Take(kNow, 1);

  EXPECT_EQ(RowsIn(batch), 3U);
  RowQueue large(true, {.rows = 5, .bytes = 100});
  large.Push("a", RowAt(0, 1'000));
  EXPECT_EQ(RowsIn(large.Take(kNow, 1)), 1U);  // alone it must go
}

TEST(RowQueueTest, ReturnedRowsRestAndKeepTheirPlace) {
  RowQueue queue(true, {});
  queue.Push("a", RowAt(0));
  auto batch = queue.Take(kNow, 1);
  queue.Push("a", RowAt(1));
  queue.Push("b", RowAt(2));

  queue.Return(std::move(batch), kNow + Millis(100));

  EXPECT_EQ(queue.NextReady(), kNow + Millis(100));
  EXPECT_THAT(SeqsOf(queue.Take(kNow, 1), "b"), ElementsAre(2));
  EXPECT_THAT(queue.Take(kNow + Millis(99), 1), IsEmpty());
  EXPECT_THAT(SeqsOf(queue.Take(kNow + Millis(100), 1), "a"), ElementsAre(0, 1));
  EXPECT_EQ(queue.rows(), 3U);
}

TEST(RowQueueTest, RowsOfFailedRequestsGoInSmallerOnesAndAmongThemselves) {
  RowQueue queue(true, {});
  for (int i = 0; i < 4; ++i) queue.Push("a" + std::to_string(i), RowAt(i));
  auto batch = queue.Take(kNow, 1);
  ASSERT_EQ(RowsIn(batch), 4U);
  for (auto& lane : batch)
    for (auto& row : lane.rows) row.company = 2;
  queue.Return(std::move(batch), kNow);
  queue.Push("new", RowAt(9));

  std::vector<std::size_t> sizes;
  std::set<bool> mixed;
  for (;;) {
    const auto next = queue.Take(kNow, 1);
    if (next.empty()) break;
    sizes.push_back(RowsIn(next));
    mixed.insert(!SeqsOf(next, "new").empty() && RowsIn(next) > 1);
  }

  EXPECT_THAT(sizes, ::testing::UnorderedElementsAre(1, 2, 2));
  EXPECT_THAT(mixed, ElementsAre(false));
}

TEST(RowQueueTest, AnAssetWhoseRowWasGivenUpGoesAloneUntilOneIsScored) {
  RowQueue queue(true, {});
  auto push = [&, seq = 0](const std::string& subject) mutable {
    queue.Push(subject, RowAt(seq++));
  };
  push("bad");
  const auto poisoned = queue.Take(kNow, 1);
  push("bad");
  queue.Done(poisoned, End::kGivenUp);
  for (const auto* subject : {"good", "bad", "good"}) push(subject);

  const auto alone = queue.Take(kNow, 1), others = queue.Take(kNow, 1);
  EXPECT_THAT(SeqsOf(alone, "bad"), ElementsAre(1));
  EXPECT_THAT(SeqsOf(others, "good"), ElementsAre(2, 4));
  queue.Done(alone, End::kScored);
  queue.Done(others, End::kScored);
  push("bad");
  push("good");

  const auto last = queue.Take(kNow, 1);  // it was told to go alone when it came
  EXPECT_THAT(SeqsOf(last, "bad"), ElementsAre(3));
  queue.Done(last, End::kScored);
  EXPECT_EQ(RowsIn(queue.Take(kNow, 1)), 2U);
}

TEST(RowQueueTest, AnUnorderedModelGetsSeveralRequestsOfOneAsset) {
  RowQueue queue(false, {});
  for (int i = 0; i < 16; ++i) queue.Push("a", RowAt(i));

  const auto first = queue.Take(kNow, 4), second = queue.Take(kNow, 3);

  EXPECT_FALSE(SeqsOf(first, "a").empty());
  EXPECT_FALSE(SeqsOf(second, "a").empty());
}

TEST(RowQueueTest, WhatWaitsBehindAParkedRowIsParkedToo) {
  RowQueue queue(true, {});
  queue.Push("a", RowAt(0));
  queue.Push("a", RowAt(1));
  auto batch = queue.Take(kNow, 1);
  queue.Push("a", RowAt(2));
  queue.Push("b", RowAt(3));
  EXPECT_FALSE(queue.Follows("a", RowAt(4)));

  std::vector<std::int64_t> parked;
  queue.Park(batch,
             [&](const std::string&, const PendingRow& row) { parked.push_back(row.row.seq); });

  EXPECT_THAT(parked, ElementsAre(0, 1, 2));
  EXPECT_EQ(queue.parked(), 3U);
  EXPECT_TRUE(queue.Follows("a", RowAt(4)));
  EXPECT_FALSE(queue.Follows("b", RowAt(4)));
  queue.Return(std::move(batch), kNow);
  std::vector<std::int64_t> again;
  for (const auto& [subject, row] : queue.TakeParked()) again.push_back(row.row.seq);
  EXPECT_THAT(again, ElementsAre(0, 1, 2));
  EXPECT_EQ(queue.parked(), 0U);
}

TEST(RowQueueTest, ARowTooLongToBeParkedAndThoseBehindItStayInTheFeed) {
  RowQueue queue(true, {});
  for (const auto& [seq, bytes] : {
           std::pair{0, 10     },
           {1, 8 << 20},
           {2, 10     }
  })
    queue.Push("a", RowAt(seq, static_cast<std::size_t>(bytes)));
  auto batch = queue.Take(kNow, 1);

  std::vector<std::int64_t> parked;
  queue.Park(batch,
             [&](const std::string&, const PendingRow& row) { parked.push_back(row.row.seq); });

  EXPECT_THAT(parked, ElementsAre(0));
  EXPECT_FALSE(queue.Follows("a", RowAt(3)));
}

TEST(RowQueueTest, ADoneRowIsParkedNoMore) {
  RowQueue queue(true, {});
  queue.Push("a", RowAt(0));
  auto batch = queue.Take(kNow, 1);
  queue.Park(batch, [](const std::string&, const PendingRow&) {});
  queue.Return(std::move(batch), kNow);

  queue.Done(queue.Take(kNow, 1), End::kScored);

  EXPECT_EQ(queue.parked(), 0U);
  EXPECT_EQ(queue.rows(), 0U);
  EXPECT_FALSE(queue.Follows("a", RowAt(1)));
}

}  // namespace
}  // namespace outrigger::companion
