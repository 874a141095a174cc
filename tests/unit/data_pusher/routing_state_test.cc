// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "data_pusher/ack_tracker.h"
#include "data_pusher/hot_store.h"
#include "data_pusher/repeat_filter.h"
#include "data_pusher/routed_partition.h"

namespace outrigger::data_pusher {
namespace {

constexpr std::int64_t kMinute = 60'000;

TEST(RepeatFilter, KnowsARepeatOfTheLastTenMinutesOfTheSameAsset) {
  RepeatFilter filter;

  EXPECT_TRUE(filter.IsNew("t/a", "1", ArrivalTime{0}));
  EXPECT_FALSE(filter.IsNew("t/a", "1", ArrivalTime{10 * kMinute}));
  EXPECT_TRUE(filter.IsNew("t/b", "1", ArrivalTime{10 * kMinute}));
  EXPECT_TRUE(filter.IsNew("t/a", "2", ArrivalTime{10 * kMinute}));
}

TEST(RepeatFilter, ForgetsWhatDidNotArriveForTenMinutes) {
  RepeatFilter filter;
  EXPECT_TRUE(filter.IsNew("t/a", "1", ArrivalTime{0}));

  EXPECT_TRUE(filter.IsNew("t/a", "1", ArrivalTime{10 * kMinute + 1}));
}

TEST(RepeatFilter, RemembersTheArrivalOfARepeatAsARestartWould) {
  RepeatFilter filter;
  filter.IsNew("t/a", "1", ArrivalTime{0});
  filter.IsNew("t/a", "1", ArrivalTime{9 * kMinute});

  EXPECT_FALSE(filter.IsNew("t/a", "1", ArrivalTime{15 * kMinute}));
}

TEST(RepeatFilter, KeepsOnlyTheLastSamplesOfAnAsset) {
  RepeatFilter filter({.samples_per_asset = 3, .samples = 100});
  for (const char* id : {"1", "2", "3", "4"}) filter.IsNew("t/a", id, ArrivalTime{0});

  EXPECT_EQ(filter.size(), 3U);
  EXPECT_FALSE(filter.IsNew("t/a", "4", ArrivalTime{1}));
  EXPECT_TRUE(filter.IsNew("t/a", "1", ArrivalTime{1}));
}

TEST(RepeatFilter, StaysWithinItsBoundWhateverArrives) {
  RepeatFilter filter({.samples_per_asset = 1'000, .samples = 100});
  for (int i = 0; i < 5'000; ++i) filter.IsNew("t/a", std::to_string(i), ArrivalTime{i});

  EXPECT_LE(filter.size(), 101U);
}

TEST(RepeatFilter, KnowsRepeatsOfQuietAssetsBesideANoisyOne) {
  RepeatFilter filter({.samples_per_asset = 1'000, .samples = 100});
  for (int i = 0; i < 5; ++i) {
    filter.IsNew("t/quiet", std::to_string(i), ArrivalTime{i});
    for (int k = 0; k < 500; ++k)
      filter.IsNew("t/noisy", std::to_string(i * 500 + k), ArrivalTime{i});
  }

  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(filter.IsNew("t/quiet", std::to_string(i), ArrivalTime{9}));
  }
  EXPECT_LE(filter.size(), 201U);
}

TEST(RepeatFilter, StaysWithinItsBoundHoweverManyAssetsThereAre) {
  RepeatFilter filter({.samples_per_asset = 1'000, .samples = 100});
  for (int i = 0; i < 3'000; ++i) {
    filter.IsNew("t/" + std::to_string(i), std::to_string(i), ArrivalTime{i});
  }

  EXPECT_LE(filter.size(), 201U);
}

TEST(RepeatFilter, SweepsAssetsThatFellSilent) {
  RepeatFilter filter;
  filter.IsNew("t/a", "1", ArrivalTime{0});

  filter.Sweep(ArrivalTime{10 * kMinute + 1});

  EXPECT_EQ(filter.size(), 0U);
}

TEST(AckTracker, HoldsTheOffsetOfTheOldestUnacknowledgedRecord) {
  AckTracker acks(10);
  acks.Begin(10);
  acks.Add();
  acks.Add();
  acks.MoveTo(11);
  acks.Begin(11);
  acks.Add();
  acks.MoveTo(12);

  EXPECT_EQ(acks.Below(), 10);
  acks.Done(11);
  acks.Done(10);
  EXPECT_EQ(acks.Below(), 10);
  acks.Done(10);
  EXPECT_EQ(acks.Below(), 12);
}

TEST(AckTracker, KeepsARecordOpenWhileItIsBeingRouted) {
  AckTracker acks(5);
  acks.Begin(5);
  acks.Add();
  acks.Done(5);

  EXPECT_EQ(acks.Below(), 5);
  acks.MoveTo(6);
  EXPECT_EQ(acks.Below(), 6);
}

TEST(RoutedPartition, RoutesOnlyFromTheFirstOffsetAfterRebuilding) {
  RoutedPartition partition(0, 1);
  partition.Began();
  partition.Found(100, ArrivalTime{20 * kMinute});
  EXPECT_EQ(partition.rebuild_from().ms, 10 * kMinute);

  partition.LookedUp(40);

  EXPECT_EQ(partition.phase(), RoutedPartition::Phase::kRebuild);
  EXPECT_FALSE(partition.Routes(99));
  EXPECT_TRUE(partition.Routes(100));
  EXPECT_EQ(partition.phase(), RoutedPartition::Phase::kRoute);
}

TEST(RoutedPartition, PromisesARevisionOnlyWhenWhatAnOlderOneRoutedIsAcknowledged) {
  RoutedPartition partition(0, 1);
  partition.Began();
  partition.Found(100, ArrivalTime{0});
  partition.LookedUp(100);
  partition.SwitchTo(7);
  ASSERT_TRUE(partition.Promise().has_value());
  EXPECT_EQ(partition.Promise()->revision, 7);

  partition.acks()->Begin(100);
  partition.acks()->Add();
  partition.acks()->MoveTo(101);
  partition.SwitchTo(8);

  EXPECT_EQ(partition.Promise()->revision, 7);
  EXPECT_EQ(partition.Promise()->offset, 100);
  partition.acks()->Done(100);
  EXPECT_EQ(partition.Promise()->revision, 8);
  EXPECT_EQ(partition.Promise()->offset, 101);
}

TEST(RoutedPartition, PromisesNothingBeforeItKnowsWhereItStands) {
  RoutedPartition partition(0, 1);
  partition.SwitchTo(3);

  EXPECT_FALSE(partition.Promise().has_value());
}

TEST(RoutedPartition, FollowsTheEndOfAnIdlePartitionPastMarkers) {
  RoutedPartition partition(0, 1);
  partition.Began();
  partition.Found(100, ArrivalTime{0});
  partition.LookedUp(100);
  partition.SwitchTo(1);
  EXPECT_TRUE(partition.Routes(100));
  partition.acks()->Begin(100);
  partition.acks()->MoveTo(101);

  partition.AtEnd(102);

  EXPECT_EQ(partition.Promise()->offset, 102);
}

TEST(RoutedPartition, SurvivesMoreRevisionsThanItRemembers) {
  RoutedPartition partition(0, 1);
  partition.Began();
  partition.Found(0, ArrivalTime{0});
  partition.LookedUp(0);
  partition.acks()->Begin(0);
  partition.acks()->Add();
  partition.acks()->MoveTo(1);
  for (int revision = 1; revision <= 3'000; ++revision) partition.SwitchTo(revision);
  EXPECT_LT(partition.Promise().value_or(RoutedPartition::Status{}).revision, 3'000);

  partition.acks()->Done(0);

  EXPECT_EQ(partition.Promise()->revision, 3'000);
}

Sample OneValue(std::int64_t time, double number) {
  Sample sample;
  sample.tenant = "t";
  sample.asset = "a";
  sample.time = time;
  SampleValue value;
  value.telemetry = "T";
  value.number = number;
  sample.values.push_back(value);
  return sample;
}

TEST(HotStore, KeepsTheNewestValueAndTheLastCorrection) {
  HotStore hot(10);
  hot.Put(OneValue(100, 1), 0, 5);
  hot.Put(OneValue(50, 2), 0, 6);
  EXPECT_EQ(hot.Find("t", "a")->at("T").point.value, store::HistoryValue(1.0));

  hot.Put(OneValue(100, 3), 0, 7);
  hot.Put(OneValue(100, 1), 0, 5);

  EXPECT_EQ(hot.Find("t", "a")->at("T").point.value, store::HistoryValue(3.0));
}

TEST(HotStore, ForgetsTheAssetThatSpokeLongestAgoAndPartitionsThatAreLost) {
  HotStore hot(1);
  hot.Put(OneValue(1, 1), 0, 1);
  Sample other = OneValue(1, 1);
  other.asset = "b";
  hot.Put(other, 3, 1);
  EXPECT_FALSE(hot.Find("t", "a").has_value());
  EXPECT_TRUE(hot.Find("t", "b").has_value());

  hot.Drop(3);

  EXPECT_FALSE(hot.Find("t", "b").has_value());
}

TEST(HotStore, ForgetsTheAssetThatSpokeLongestAgoWhenItHoldsTooMuch) {
  HotStore hot(10, 3'000'000);
  const std::string text(900'000, 'x');
  const auto put = [&](const std::string& asset, std::int64_t time, std::string_view value) {
    Sample sample = OneValue(time, 1);
    sample.asset = asset;
    sample.values[0].kind = ValueKind::kString;
    sample.values[0].text = value;
    hot.Put(sample, 0, time);
  };
  for (int i = 0; i < 20; ++i) put("a", i, text);
  put("b", 1, text);
  put("c", 1, text);
  EXPECT_TRUE(hot.Find("t", "a").has_value()) << "a value that is replaced counts no more";
  put("a", 30, "short");
  put("d", 1, text);
  EXPECT_TRUE(hot.Find("t", "b").has_value());
  put("e", 1, text);

  EXPECT_FALSE(hot.Find("t", "b").has_value());
  EXPECT_TRUE(hot.Find("t", "a").has_value());
}

TEST(RoutedPartition, PromisesNoRevisionBeforeTheRecordThatIsRoutedByTheOldOneIsDone) {
  RoutedPartition partition(0, 1);
  partition.Began();
  partition.Found(5, ArrivalTime{0});
  partition.LookedUp(5);
  partition.SwitchTo(1);
  partition.acks()->Begin(5);
  partition.acks()->Add();

  partition.SwitchTo(2);  // while the record waits for room

  ASSERT_TRUE(partition.Promise().has_value());
  EXPECT_EQ(partition.Promise()->revision, 1);
  partition.acks()->MoveTo(6);
  EXPECT_EQ(partition.Promise()->revision, 1);
  partition.acks()->Done(5);
  EXPECT_EQ(partition.Promise()->revision, 2);
}

}  // namespace
}  // namespace outrigger::data_pusher
