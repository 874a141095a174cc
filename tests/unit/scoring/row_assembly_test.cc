// SPDX-License-Identifier: Apache-2.0
#include "outrigger/scoring/row_assembly.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

namespace outrigger::scoring {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const std::vector<InputColumn> kColumns{
    {"a", false},
    {"b", false}
};
constexpr std::monostate kNull;

// Feeds samples with ascending offsets.
class Feeder {
 public:
  Feeder(Alignment alignment, Millis lateness = Millis(0)) : rows_(alignment, 2, lateness) {}

  RowAssembler::Outcome Add(std::int64_t time, std::optional<double> a, std::optional<double> b) {
    Sample sample{offset_++, EventTime{time}, {}};
    if (a) sample.values.emplace_back(0, *a);
    if (b) sample.values.emplace_back(1, *b);
    return rows_.Add(sample);
  }

  RowAssembler rows_;
  std::int64_t offset_ = 0;
};

TEST(LatestTest, NoRowUntilEveryInputWasSeenOnce) {
  Feeder feeder(Alignment::kLatest);

  EXPECT_THAT(feeder.Add(10, 1, {}).rows, IsEmpty());
  EXPECT_THAT(feeder.Add(11, 2, {}).rows, IsEmpty());
  const auto outcome = feeder.Add(12, {}, 5);

  ASSERT_THAT(outcome.rows, SizeIs(1));
  EXPECT_THAT(outcome.rows[0].values, ElementsAre(Value(2.0), Value(5.0)));
  EXPECT_EQ(outcome.rows[0].time.ms, 12);
  EXPECT_EQ(outcome.rows[0].seq, 2);
}

TEST(LatestTest, ARecordLacksNothingThatWasSaidBefore) {
  Feeder feeder(Alignment::kLatest);
  feeder.Add(10, 1, 2);

  const auto outcome = feeder.Add(11, 3, {});

  EXPECT_THAT(outcome.rows.at(0).values, ElementsAre(Value(3.0), Value(2.0)));
}

TEST(LatestTest, LastIsWhatTheFeedSaidLastWhateverItsTime) {
  Feeder feeder(Alignment::kLatest);
  feeder.Add(10, 1, 2);

  EXPECT_THAT(feeder.Add(5, 9, {}).rows.at(0).values, ElementsAre(Value(9.0), Value(2.0)));
  EXPECT_THAT(feeder.Add(11, {}, 4).rows.at(0).values, ElementsAre(Value(9.0), Value(4.0)));
}

TEST(LatestTest, ANullIsAValueThatWasSeen) {
  RowAssembler rows(Alignment::kLatest, 1, Millis(0));

  const auto outcome = rows.Add({0, EventTime{1}, {{0, kNull}}});

  EXPECT_THAT(outcome.rows.at(0).values, ElementsAre(Value(kNull)));
  EXPECT_FALSE(rows.Stateful());
}

TEST(ExactTest, OneRowWhenAnEventTimeHasAllInputs) {
  Feeder feeder(Alignment::kExact);

  EXPECT_THAT(feeder.Add(10, 1, {}).rows, IsEmpty());
  const auto outcome = feeder.Add(10, {}, 2);

  ASSERT_THAT(outcome.rows, SizeIs(1));
  EXPECT_THAT(outcome.rows[0].values, ElementsAre(Value(1.0), Value(2.0)));
  EXPECT_THAT(outcome.rows[0].causes, ElementsAre(0, 1));
  EXPECT_EQ(outcome.rows[0].seq, 1);
  EXPECT_EQ(feeder.Add(10, 5, 5).late, 1);
}

TEST(ExactTest, WhatStaysIncompleteIsDroppedAndCountedWhenItsTimePasses) {
  Feeder feeder(Alignment::kExact, Millis(5));
  feeder.Add(10, 1, {});

  EXPECT_EQ(feeder.Add(15, 1, {}).late, 0);  // 10 is not passed by more than 5 yet
  EXPECT_EQ(feeder.Add(16, 1, {}).late, 1);
  EXPECT_EQ(feeder.Add(10, {}, 1).late, 1);
}

TEST(UnionTest, ARowPerEventTimeWhenTheClockPassesIt) {
  Feeder feeder(Alignment::kUnion);

  EXPECT_THAT(feeder.Add(10, 1, {}).rows, IsEmpty());
  EXPECT_THAT(feeder.Add(10, {}, 2).rows, IsEmpty());
  const auto first = feeder.Add(20, 3, {});
  const auto second = feeder.Add(30, 4, 4);

  ASSERT_THAT(first.rows, SizeIs(1));
  EXPECT_THAT(first.rows[0].values, ElementsAre(Value(1.0), Value(2.0)));
  ASSERT_THAT(second.rows, SizeIs(1));
  EXPECT_THAT(second.rows[0].values, ElementsAre(Value(3.0), Value(kNull)));
}

TEST(UnionTest, LatenessLetsSamplesInOutOfOrderAndRowsComeInOrderOfTime) {
  Feeder feeder(Alignment::kUnion, Millis(10));
  feeder.Add(20, 2, {});
  feeder.Add(15, 1, {});

  const auto outcome = feeder.Add(40, 4, {});

  ASSERT_THAT(outcome.rows, SizeIs(2));
  EXPECT_EQ(outcome.rows[0].time.ms, 15);
  EXPECT_EQ(outcome.rows[1].time.ms, 20);
  EXPECT_LT(outcome.rows[0].seq, outcome.rows[1].seq);
  EXPECT_EQ(feeder.Add(29, 1, 1).late, 1);
}

TEST(UnionTest, MoreOpenTimesThanAllowedCloseTheOldest) {
  Feeder feeder(Alignment::kUnion, Millis(1'000'000));
  std::size_t rows = 0;

  for (int i = 0; i < 5'000; ++i) rows += feeder.Add(i, 1, {}).rows.size();

  EXPECT_EQ(rows, 5'000U - 4'096U);
}

TEST(UnionTest, ARowThatWasClosedEarlyIsNotOpenedAgain) {
  Feeder feeder(Alignment::kUnion, Millis(1'000'000));
  for (int i = 0; i < 5'000; ++i) feeder.Add(i, 1, {});
  Feeder restored(Alignment::kUnion, Millis(1'000'000));
  restored.rows_.Restore(nlohmann::json::parse(feeder.rows_.Snapshot(kColumns).dump()), kColumns);
  restored.offset_ = feeder.offset_;

  EXPECT_EQ(feeder.Add(903, 2, {}).late, 1);
  EXPECT_EQ(restored.Add(903, 2, {}).late, 1);
  EXPECT_EQ(feeder.Add(904, {}, 2).late, 0) << "this one is still open";
}

class LongTextTest : public ::testing::TestWithParam<Alignment> {
 protected:
  RowAssembler::Outcome Add(std::int64_t time, std::uint32_t column, std::size_t bytes, char c) {
    return rows_.Add({offset_++, EventTime{time}, {{column, std::string(bytes, c)}}});
  }
  RowAssembler rows_{GetParam(), 2, Millis(1'000'000)};
  std::int64_t offset_ = 0;
};

TEST_P(LongTextTest, WaitsWithinARecordOfTheJournal) {
  std::size_t ends = 0;
  for (int i = 0; i < 40; ++i) {
    const auto outcome = Add(i, 0, 900'000, i % 2 == 0 ? 'x' : '\x01');
    ends += outcome.rows.size() + static_cast<std::size_t>(outcome.late);
    EXPECT_LT(rows_.Snapshot(kColumns).dump().size(), 16U << 20);
  }
  EXPECT_GE(ends, GetParam() == Alignment::kLatest ? 0U : 35U);
  for (const auto& [column, bytes] : {
           std::pair{0U, 14U << 20},
           std::pair{1U, 14U << 20}
  }) {
    Add(50, column, bytes, 'x');
    EXPECT_LT(rows_.Snapshot(kColumns).dump().size(), 16U << 20);
  }
}

INSTANTIATE_TEST_SUITE_P(EveryAlignment, LongTextTest,
                         ::testing::Values(Alignment::kLatest, Alignment::kExact,
                                           Alignment::kUnion));

class RestoredTest : public ::testing::TestWithParam<Alignment> {};

// Whatever the moment of a restart, the rest of the samples makes the same rows.
TEST_P(RestoredTest, GoesOnAsIfNothingHadHappened) {
  struct In {
    std::int64_t time;
    std::optional<double> a, b;
  };
  const std::vector<In> samples{
      {10, 1,  {} },
      {10, {}, 2  },
      {12, 3,  {} },
      {11, 4,  4  },
      {20, 5,  {} },
      {20, {}, 5.5},
      {18, 6,  {} },
      {30, 7,  7  },
      {30, 8,  8  },
      {50, {}, 9  },
      {60, 1,  1  },
      {70, 2,  {} }
  };
  for (std::size_t cut = 0; cut <= samples.size(); ++cut) {
    Feeder whole(GetParam(), Millis(3)), before(GetParam(), Millis(3)),
        after(GetParam(), Millis(3));
    for (std::size_t i = 0; i < cut; ++i) {
      whole.Add(samples[i].time, samples[i].a, samples[i].b);
      before.Add(samples[i].time, samples[i].a, samples[i].b);
    }
    after.rows_.Restore(nlohmann::json::parse(before.rows_.Snapshot(kColumns).dump()), kColumns);
    after.offset_ = before.offset_;
    for (std::size_t i = cut; i < samples.size(); ++i) {
      const auto expected = whole.Add(samples[i].time, samples[i].a, samples[i].b);
      const auto got = after.Add(samples[i].time, samples[i].a, samples[i].b);
      ASSERT_EQ(got.rows.size(), expected.rows.size()) << "cut " << cut << " sample " << i;
      ASSERT_EQ(got.late, expected.late);
      for (std::size_t k = 0; k < got.rows.size(); ++k) {
        EXPECT_EQ(got.rows[k].values, expected.rows[k].values);
        EXPECT_EQ(got.rows[k].time, expected.rows[k].time);
        EXPECT_EQ(got.rows[k].seq, expected.rows[k].seq);
        EXPECT_EQ(got.rows[k].causes, expected.rows[k].causes);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(EveryAlignment, RestoredTest,
                         ::testing::Values(Alignment::kLatest, Alignment::kExact,
                                           Alignment::kUnion));

}  // namespace
}  // namespace outrigger::scoring
