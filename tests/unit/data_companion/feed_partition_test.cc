// SPDX-License-Identifier: Apache-2.0
#include "data_companion/feed_partition.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <random>

namespace outrigger::companion {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

DeploymentSpec Spec(scoring::Alignment alignment, std::vector<std::string> inputs) {
  DeploymentSpec spec;
  spec.alignment = alignment;
  for (auto& input : inputs) spec.inputs.push_back({std::move(input), false});
  spec.outputs = {
      {"score", scoring::ValueType::kNumber}
  };
  return spec;
}

messaging::Record InFeed(std::int64_t offset, const std::string& subject, std::int64_t time,
                         const nlohmann::json& values, std::int64_t source) {
  messaging::Record record;
  record.offset = offset;
  record.key = subject;
  record.value = nlohmann::json{
      {"subject", subject},
      {"time",    time   },
      {"values",
       values            }
  }.dump();
  record.headers = {
      {"src", "0:" + std::to_string(source)}
  };
  return record;
}

// What the journal of a deployment holds, as the companion's transactions leave it.
struct FakeJournal {
  std::optional<std::string> progress;
  SubjectStates subjects;

  void Commit(std::vector<std::pair<std::string, std::string>> records) {
    for (auto& [key, value] : records) {
      if (key == "progress/0")
        progress = std::move(value);
      else
        subjects[key.substr(8)] = std::move(value);
    }
  }
};

TEST(FeedPartitionTest, ARowIsOfTheTraceOfTheRecordThatCompletedIt) {
  const auto spec = Spec(scoring::Alignment::kExact, {"x", "y"});
  const auto feed = *FeedPartition::Make(spec, 0, {}, {});
  const std::string first = messaging::NewTraceParent(), last = messaging::NewTraceParent();
  auto record = InFeed(0, "a", 5,
                       {
                           {"x", 1}
  },
                       0);
  record.headers.emplace_back("traceparent", first);
  feed->Take(ReadFeedRecord(std::move(record), spec.inputs));
  record = InFeed(1, "a", 5,
                  {
                      {"y", 1}
  },
                  1);
  record.headers.emplace_back("traceparent", last);

  const auto taken = feed->Take(ReadFeedRecord(std::move(record), spec.inputs));

  ASSERT_THAT(taken.rows, SizeIs(1));
  EXPECT_EQ(taken.rows[0].second.trace.Text(), last);
}

TEST(FeedPartitionTest, ARecordOfOneInputIsARow) {
  const auto spec = Spec(scoring::Alignment::kLatest, {"x"});
  const auto feed = *FeedPartition::Make(spec, 0, {}, {});

  auto taken = feed->Take(ReadFeedRecord(InFeed(0, "a", 10,
                                                {
                                                    {"x", 1}
  },
                                                0),
                                         spec.inputs));

  ASSERT_THAT(taken.rows, SizeIs(1));
  EXPECT_EQ(taken.rows[0].first, "a");
  EXPECT_EQ(taken.rows[0].second.cause, 0);
  EXPECT_FALSE(feed->dirty());
  feed->End(0);
  EXPECT_TRUE(feed->dirty());
  const auto records = feed->ForJournal(SteadyTime{});
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_EQ(nlohmann::json::parse(records[0].second)["next"], 1);
}

TEST(FeedPartitionTest, WhatIsNoFeedRecordIsACauseWithoutRow) {
  const auto spec = Spec(scoring::Alignment::kLatest, {"x"});
  const auto feed = *FeedPartition::Make(spec, 0, {}, {});
  for (const auto* text : {"", "nonsense", "[]", "{}", R"({"subject": "a", "time": 1})",
                           R"({"subject": "a", "time": "1", "values": {}})",
                           R"({"subject": "a", "time": 1, "values": {"x": [1]}})",
                           R"({"subject": "a", "time": 1.5)"}) {
    static std::int64_t offset = 0;
    messaging::Record record;
    record.offset = offset++;
    record.value = text;

    const auto taken = feed->Take(ReadFeedRecord(std::move(record), spec.inputs));

    ASSERT_TRUE(taken.bad) << text;
    EXPECT_EQ(taken.bad->text, text);
    EXPECT_FALSE(taken.bad->fault.empty());
    EXPECT_THAT(taken.rows, IsEmpty());
  }
}

TEST(FeedPartitionTest, CountsWhatIsNotScored) {
  const auto spec = Spec(scoring::Alignment::kLatest, {"x"});
  const auto feed = *FeedPartition::Make(spec, 0, {}, {});
  for (int i = 0; i < 4; ++i)
    (void)feed->Take(ReadFeedRecord(InFeed(i, "a", i,
                                           {
                                               {"x", 1}
    },
                                           i),
                                    spec.inputs));
  feed->End(1);
  feed->End(3);

  EXPECT_EQ(feed->Unscored(4), 2);
  EXPECT_EQ(feed->Unscored(10), 8);
  const auto kept = feed->Kept();
  const auto again = *FeedPartition::Make(spec, 0, kept.progress, kept.subjects);
  EXPECT_EQ(again->Unscored(10), 8);
}

struct Case {
  const char* name;
  scoring::Alignment alignment;
};
class RestartTest : public ::testing::TestWithParam<Case> {};

// Samples of three subjects with two inputs; rows end in random order; the process dies at random
// and goes on from the journal, minutes pass. Every row of an undisturbed run is ended once, equal.
TEST_P(RestartTest, MakesTheSameRowsOnceWheneverItDies) {
  const auto spec = Spec(GetParam().alignment, {"x", "y"});
  for (unsigned seed = 0; seed < 8; ++seed) {
    std::mt19937 random(seed);
    std::vector<messaging::Record> records;
    for (int i = 0; i < 150; ++i) {
      const bool x = random() % 2;
      const std::int64_t time = i / 4 - static_cast<int>(random() % 20 == 0);
      records.push_back(InFeed(i, "s" + std::to_string(random() % 3), time,
                               {
                                   {x ? "x" : "y", i}
      },
                               i));
    }
    using Rows = std::map<std::pair<std::string, std::int64_t>, std::vector<scoring::Value>>;
    Rows expected;
    const auto whole = *FeedPartition::Make(spec, 0, {}, {});
    for (const auto& record : records)
      for (const auto& [subject, row] : whole->Take(ReadFeedRecord(record, spec.inputs)).rows)
        expected[{subject, row.row.seq}] = row.row.values;

    Rows ended;
    FakeJournal journal;
    auto feed = *FeedPartition::Make(spec, 0, {}, {});
    std::vector<std::pair<std::string, PendingRow>> open;
    SteadyTime now{};
    std::size_t at = 0;
    while (at < records.size() || !open.empty()) {
      now += std::chrono::seconds(random() % 10);
      if (random() % 40 == 0) {
        feed = *FeedPartition::Make(spec, 0, journal.progress, journal.subjects);
        open.clear();
        at = static_cast<std::size_t>(feed->start());
      }
      if (at < records.size() && random() % 2) {
        auto taken = feed->Take(ReadFeedRecord(records[at++], spec.inputs));
        for (auto& row : taken.rows) open.push_back(std::move(row));
      } else if (!open.empty()) {
        // Each subject's rows end in their order, subjects in any.
        const std::string subject = open[random() % open.size()].first;
        const auto row =
            std::ranges::find(open, subject, [](const auto& item) { return item.first; });
        const bool fresh =
            ended.emplace(std::pair{subject, row->second.row.seq}, row->second.row.values).second;
        ASSERT_TRUE(fresh) << "seed " << seed << " " << subject << row->second.row.seq;
        feed->End(row->second.cause);
        open.erase(row);
        journal.Commit(feed->ForJournal(now));  // in one transaction with the output
      } else if (feed->dirty()) {
        journal.Commit(feed->ForJournal(now));
      }
    }
    ASSERT_EQ(ended, expected) << "seed " << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(EveryAlignment, RestartTest,
                         ::testing::Values(Case{"latest", scoring::Alignment::kLatest},
                                           Case{"exact", scoring::Alignment::kExact},
                                           Case{"union", scoring::Alignment::kUnion}),
                         [](const auto& of) { return of.param.name; });

}  // namespace
}  // namespace outrigger::companion
