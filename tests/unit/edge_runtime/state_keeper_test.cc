// SPDX-License-Identifier: Apache-2.0
#include "edge_runtime/state_keeper.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "outrigger/base/clock.h"
#include "outrigger/base/text.h"

namespace outrigger::edge_runtime {
namespace {

class StateKeeperTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/outrigger-keeper-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    root_ = name;
    path_ = root_ + "/detector.state";
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  static void Feed(inference::AnomalyDetector& detector, int rows = 200) {
    for (int row = 0; row < rows; ++row) {
      const inference::InputValue value{"t", row % 17 * 1.5};
      detector.Score("arm", row, {&value, 1});
    }
  }

  std::string root_;
  std::string path_;
};

TEST_F(StateKeeperTest, KeepsWhatWasLearnedOverARestart) {
  inference::AnomalyDetector before({});
  {
    const StateKeeper keeper(before, path_, Millis{3'600'000});
    Feed(before);
  }
  inference::AnomalyDetector after({});

  const StateKeeper keeper(after, path_, Millis{3'600'000});

  EXPECT_EQ(after.Save(), before.Save());
}

TEST_F(StateKeeperTest, WritesNowAndThen) {
  inference::AnomalyDetector detector({});
  const StateKeeper keeper(detector, path_, Millis{10});
  Feed(detector);

  const SteadyTime deadline = SystemClock().Now() + Millis{10'000};
  while (ReadFile(path_).value_or("") != detector.Save() && SystemClock().Now() < deadline)
    SleepFor(Millis{5});

  EXPECT_EQ(ReadFile(path_).value_or(""), detector.Save());
}

TEST_F(StateKeeperTest, SetsADamagedFileAside) {
  ASSERT_TRUE(WriteFile(path_, "outrigger-detector 1\nnonsense").ok());
  inference::AnomalyDetector detector({});

  const StateKeeper keeper(detector, path_, Millis{3'600'000});

  EXPECT_EQ(detector.assets(), 0U);
  EXPECT_TRUE(std::filesystem::exists(path_ + ".damaged"));
}

TEST_F(StateKeeperTest, RemovesDraftsOfTheKilled) {
  ASSERT_TRUE(WriteFile(path_ + ".tmp.4711", "half").ok());
  inference::AnomalyDetector detector({});

  const StateKeeper keeper(detector, path_, Millis{3'600'000});

  EXPECT_FALSE(std::filesystem::exists(path_ + ".tmp.4711"));
}

TEST_F(StateKeeperTest, GoesOnWhereNothingCanBeWritten) {
  inference::AnomalyDetector detector({});
  {
    const StateKeeper keeper(detector, root_ + "/no/such/folder/state", Millis{3'600'000});
    Feed(detector);
  }
  EXPECT_EQ(detector.assets(), 1U);
}

TEST_F(StateKeeperTest, KeepsNothingWithoutAPath) {
  inference::AnomalyDetector detector({});
  {
    const StateKeeper keeper(detector, "", Millis{10});
    Feed(detector);
  }
  EXPECT_TRUE(std::filesystem::is_empty(root_));
}

}  // namespace
}  // namespace outrigger::edge_runtime
