// SPDX-License-Identifier: Apache-2.0
#include "outrigger/scoring/rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace outrigger::scoring {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

ModelShape Shape(Alignment alignment, Millis lateness = Millis{0}) {
  return {
      .model = "m",
      .version = "1",
      .deployment = "d",
      .inputs = {{"a", false}, {"b", false}},
      .outputs = {},
      .alignment = alignment,
      .allowed_lateness = lateness
  };
}

FeedRecord Record(std::int64_t offset, std::int64_t time,
                  std::map<std::string, Value, std::less<>> values, std::string subject = "x") {
  return {.offset = offset,
          .subject = std::move(subject),
          .time = {time},
          .values = std::move(values),
          .source_partition = 0,
          .source_offset = offset};
}

TEST(LatestAlignment, GivesARowARecordOnceEveryInputWasSeen) {
  RowAssembler rows(Shape(Alignment::kLatest));

  const auto first = rows.Take(Record(1, 100,
                                      {
                                          {"a", 1.0}
  }));
  const auto second = rows.Take(Record(2, 110,
                                       {
                                           {"b", 2.0}
  }));
  const auto third = rows.Take(Record(3, 105,
                                      {
                                          {"a", 3.0}
  }));

  EXPECT_THAT(first.rows, IsEmpty());
  EXPECT_THAT(first.no_cause, ElementsAre(1));
  ASSERT_EQ(second.rows.size(), 1u);
  EXPECT_EQ(second.rows[0].seq, 2);
  EXPECT_EQ(second.rows[0].time.ms, 110);
  EXPECT_THAT(second.rows[0].cells, ElementsAre(Value(1.0), Value(2.0)));
  EXPECT_THAT(third.rows[0].cells, ElementsAre(Value(3.0), Value(2.0)));
}

TEST(LatestAlignment, KeepsSubjectsApart) {
  RowAssembler rows(Shape(Alignment::kLatest));

  rows.Take(Record(1, 100,
                   {
                       {"a", 1.0}
  },
                   "x"));
  const auto other = rows.Take(Record(2, 100,
                                      {
                                          {"b", 2.0}
  },
                                      "y"));

  EXPECT_THAT(other.rows, IsEmpty());
}

TEST(LatestAlignment, GoesOnFromARestoredStateAsIfNothingHadHappened) {
  RowAssembler before(Shape(Alignment::kLatest));
  before.Take(Record(1, 100,
                     {
                         {"a", 1.0}
  }));
  before.Take(Record(2, 101,
                     {
                         {"b", std::string("on")}
  }));
  RowAssembler after(Shape(Alignment::kLatest));

  ASSERT_TRUE(after.Restore("x", before.SubjectState("x")).ok());
  after.Take(Record(1, 100,
                    {
                        {"a", 9.0}
  }));  // read again: the state knows better
  const auto next = after.Take(Record(3, 102,
                                      {
                                          {"a", 5.0}
  }));

  ASSERT_EQ(next.rows.size(), 1u);
  EXPECT_THAT(next.rows[0].cells, ElementsAre(Value(5.0), Value(std::string("on"))));
  EXPECT_FALSE(after.Restore("x", "{}").ok());
}

TEST(ExactAlignment, GivesARowWhenAllInputsOfATimeAreThere) {
  RowAssembler rows(Shape(Alignment::kExact, Millis{10}));

  rows.Take(Record(1, 100,
                   {
                       {"a", 1.0}
  }));
  rows.Take(Record(2, 105,
                   {
                       {"a", 2.0}
  }));
  const auto both = rows.Take(Record(3, 100,
                                     {
                                         {"b", 3.0}
  }));

  ASSERT_EQ(both.rows.size(), 1u);
  EXPECT_EQ(both.rows[0].time.ms, 100);
  EXPECT_THAT(both.rows[0].offsets, ElementsAre(1, 3));
}

TEST(ExactAlignment, DropsWhatTheClockPassesAndCountsIt) {
  RowAssembler rows(Shape(Alignment::kExact, Millis{10}));

  rows.Take(Record(1, 100,
                   {
                       {"a", 1.0}
  }));
  const auto passed = rows.Take(Record(2, 111,
                                       {
                                           {"a", 2.0}
  }));
  const auto late = rows.Take(Record(3, 100,
                                     {
                                         {"b", 3.0}
  }));

  EXPECT_EQ(passed.dropped, 1);
  EXPECT_THAT(passed.no_cause, ElementsAre(1));
  EXPECT_EQ(late.late, 1);
  EXPECT_THAT(late.no_cause, ElementsAre(3));
}

TEST(UnionAlignment, GivesEveryTimeOnceItHasPassedWithNullsForWhatIsMissing) {
  RowAssembler rows(Shape(Alignment::kUnion));

  rows.Take(Record(1, 100,
                   {
                       {"a", 1.0}
  }));
  rows.Take(Record(2, 100,
                   {
                       {"b", 2.0}
  }));
  const auto passed = rows.Take(Record(3, 200,
                                       {
                                           {"b", 3.0}
  }));
  const auto next = rows.Take(Record(4, 201,
                                     {
                                         {"a", 4.0}
  }));

  ASSERT_EQ(passed.rows.size(), 1u);
  EXPECT_THAT(passed.rows[0].cells, ElementsAre(Value(1.0), Value(2.0)));
  EXPECT_EQ(passed.rows[0].seq, 2);
  ASSERT_EQ(next.rows.size(), 1u);
  EXPECT_THAT(next.rows[0].cells, ElementsAre(Value(), Value(3.0)));
}

TEST(FeedRecords, AreReadWithTheirSource) {
  const auto record = ParseFeedRecord(
      7, R"({"subject":"x","time":5,"values":{"a":1.5,"b":"t","c":true}})", "3:42", "9");

  ASSERT_TRUE(record.ok()) << record.error().ToString();
  EXPECT_EQ(record->source_partition, 3);
  EXPECT_EQ(record->source_offset, 42);
  EXPECT_EQ(record->revision, 9);
  EXPECT_EQ(record->values.at("a"), Value(1.5));
  EXPECT_EQ(ParseFeedRecord(7, "nonsense", "3:42", "").error().code(), ErrorCode::kCorrupt);
  EXPECT_EQ(ParseFeedRecord(7, R"({"subject":"x","time":5,"values":{}})", "42", "").error().code(),
            ErrorCode::kCorrupt);
  EXPECT_EQ(ParseFeedRecord(7, R"({"subject":"x","time":5,"values":{"a":[1]}})", "3:42", "")
                .error()
                .code(),
            ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace outrigger::scoring
