// SPDX-License-Identifier: Apache-2.0
// Repeats under seeded chance, held against the list of what arrived.
//
// OUTRIGGER_RUNS=N: so many seeds; what fails names its seed.
#include "data_pusher/repeat_filter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <map>
#include <random>

namespace outrigger::data_pusher {
namespace {

constexpr std::size_t kMost = 6;

// The rule as it is written: an asset's samples of the last ten minutes, at most the last so many.
class PlainFilter {
 public:
  bool IsNew(const std::string& asset, const std::string& id, std::int64_t arrival) {
    auto& arrived = arrived_[asset];
    while (!arrived.empty() &&
           (arrived.size() > kMost || arrived.front().second < arrival - RepeatFilter::kSpanMs))
      arrived.pop_front();
    const bool fresh = std::ranges::none_of(arrived, [&](const auto& a) { return a.first == id; });
    arrived.emplace_back(id, arrival);
    while (arrived.size() > kMost) arrived.pop_front();
    return fresh;
  }

 private:
  std::map<std::string, std::deque<std::pair<std::string, std::int64_t>>> arrived_;
};

TEST(RepeatFilterSimulation, JudgesAsTheListOfWhatArrivedWould) {
  const char* wanted = std::getenv("OUTRIGGER_RUNS");
  const unsigned runs = wanted ? static_cast<unsigned>(std::stoul(wanted)) : 1'000;
  std::size_t repeats = 0;
  for (unsigned seed = 1; seed <= runs; ++seed) {
    std::mt19937 chance(seed);
    PlainFilter plain;
    RepeatFilter filter({.samples_per_asset = kMost});
    std::int64_t arrival = 1'000'000'000;
    for (int step = 0; step < 200; ++step) {
      const auto pause = chance() % 20;
      if (pause == 0)
        arrival += static_cast<std::int64_t>(chance() % (2U * RepeatFilter::kSpanMs));
      else if (pause > 10)  // many arrive within a millisecond
        arrival += static_cast<std::int64_t>(chance() % 1'000);
      const std::string asset = std::to_string(chance() % 3), id = std::to_string(chance() % 10);
      const bool fresh = plain.IsNew(asset, id, arrival);
      ASSERT_EQ(filter.IsNew(asset, id, ArrivalTime{arrival}), fresh)
          << "seed " << seed << ", step " << step;
      if (chance() % 30 == 0) filter.Sweep(ArrivalTime{arrival});
      repeats += !fresh;
    }
  }
  EXPECT_GT(repeats, runs * 10);
}

TEST(RepeatFilterSimulation, OneOfTwoOfTheSameMillisecondIsStillKnownWhenTheOtherIsForgotten) {
  RepeatFilter filter({.samples_per_asset = 2});
  EXPECT_TRUE(filter.IsNew("a", "x", ArrivalTime{5}));
  EXPECT_FALSE(filter.IsNew("a", "x", ArrivalTime{5}));
  EXPECT_TRUE(filter.IsNew("a", "y", ArrivalTime{5}));  // the first x is forgotten
  EXPECT_FALSE(filter.IsNew("a", "x", ArrivalTime{5}));
}

}  // namespace
}  // namespace outrigger::data_pusher
