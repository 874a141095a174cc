// SPDX-License-Identifier: Apache-2.0
#include "outrigger/inference/anomaly_detector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "series.h"

namespace outrigger::inference {
namespace {

constexpr double kPi = 3.14159265358979;

class AnomalyDetectorTest : public ::testing::Test {
 protected:
  double Noise(double deviation = 1) {
    return std::normal_distribution<double>(0, deviation)(random_);
  }
  // A healthy machine: a working cycle and noise.
  double Healthy(std::size_t row) {
    return 20 + 2 * std::sin(2 * kPi * static_cast<double>(row) / 40) + Noise(0.5);
  }

  std::mt19937 random_{20'131'216};
};

TEST_F(AnomalyDetectorTest, IsQuietWhileItWarmsUp) {
  const auto answers = Scored(Make(100, [](std::size_t row) { return row < 50 ? 1.0 : 1e6; }));

  for (const Answer& answer : answers) {
    EXPECT_EQ(answer.score, 0);
    EXPECT_EQ(answer.level, WarningLevel::kNormal);
  }
}

TEST_F(AnomalyDetectorTest, IsQuietOnAHealthyMachine) {
  EXPECT_TRUE(
      Episodes(Scored(Make(50'000, [&](std::size_t row) { return Healthy(row); }))).empty());
  EXPECT_TRUE(Episodes(Scored(Make(50'000, [&](std::size_t) { return Noise(); }))).empty());
}

// Much of the first cycle is news to a detector that has seen little of it.
TEST_F(AnomalyDetectorTest, IsQuietInASlowCycle) {
  for (const double length : {200.0, 1'000.0, 4'000.0, 20'000.0}) {
    const auto answers = Scored(Make(40'000, [&](std::size_t row) {
      return 5 * std::sin(2 * kPi * static_cast<double>(row) / length) + Noise(0.25);
    }));

    EXPECT_TRUE(Episodes(answers).empty()) << length;
  }
}

TEST_F(AnomalyDetectorTest, IsQuietOnAStreamThatWanders) {
  double value = 0;
  const auto answers =
      Scored(Make(40'000, [&](std::size_t) { return value = 0.99 * value + Noise(); }));

  // By its bound it may be surprised once in 100,000 samples on each side.
  EXPECT_LE(Episodes(answers).size(), 2U);
}

TEST_F(AnomalyDetectorTest, KnowsNoSurpriseInAStreamThatNeverMoves) {
  EXPECT_TRUE(Episodes(Scored(Series(5'000, 7.0))).empty());
}

TEST_F(AnomalyDetectorTest, ScoresTheFirstMoveOfAStreamThatNeverMovedButCannotSayHowFarItIs) {
  const auto answers =
      Scored(Make(5'000, [](std::size_t row) { return row == 4'999 ? 1e6 : 5.0; }));

  EXPECT_GT(answers.back().score, 0.3);
  EXPECT_TRUE(Episodes(answers).empty());
}

TEST_F(AnomalyDetectorTest, JudgesACounterByTheFewTimesItMoved) {
  const auto answers = Scored(Make(9'000, [](std::size_t row) {
    return row >= 8'990 ? 1e6 : row % 1'000 == 500 ? 1.0 : 0.0;
  }));

  const std::size_t warned = FirstWarning(answers);
  EXPECT_GE(warned, 8'990U);
  EXPECT_LT(warned, 8'995U);
}

TEST_F(AnomalyDetectorTest, SeesSmallMovesOfLargeValues) {
  const auto answers = Scored(
      Make(5'000, [&](std::size_t row) { return 1e9 + 1e-3 * (row >= 4'990 ? 100 : Noise()); }));

  const std::size_t warned = FirstWarning(answers);
  EXPECT_GE(warned, 4'990U);
  EXPECT_LT(warned, 4'995U);
}

TEST_F(AnomalyDetectorTest, WarnsOfSlowGrowth) {
  const auto answers = Scored(Make(1'000, [&](std::size_t row) {
    return 2 + Noise(0.12) + (row < 600 ? 0 : std::min(6.0, 0.06 * static_cast<double>(row - 600)));
  }));

  EXPECT_GE(FirstWarning(answers), 600U);
  EXPECT_LT(FirstWarning(answers), 660U);
}

TEST_F(AnomalyDetectorTest, WarnsOfARampInASlowCycle) {
  const auto answers = Scored(Make(1'000, [&](std::size_t row) {
    return 46 + 1.5 * std::sin(2 * kPi * static_cast<double>(row) / 148) + Noise(0.25) +
           (row < 640 ? 0 : std::min(30.0, 0.3 * static_cast<double>(row - 640)));
  }));

  EXPECT_GE(FirstWarning(answers), 640U);
  EXPECT_LT(FirstWarning(answers), 720U);
}

TEST_F(AnomalyDetectorTest, WarnsOfAStuckSensor) {
  Series series = Make(700, [&](std::size_t row) { return Healthy(row); });
  series.insert(series.end(), 100, series.back());

  const auto answers = Scored(series);

  EXPECT_GE(FirstWarning(answers), 700U);
  EXPECT_LE(FirstWarning(answers), 715U);
  EXPECT_EQ(answers.back().level, WarningLevel::kCritical);
}

TEST_F(AnomalyDetectorTest, KnowsASensorThatOftenRepeatsItself) {
  const auto held = Make(20'000, [&](std::size_t row) { return std::floor(Healthy(row / 10)); });

  EXPECT_TRUE(Episodes(Scored(held)).empty());
}

TEST_F(AnomalyDetectorTest, BecomesCriticalAndCalmsDown) {
  const auto answers = Scored(Make(2'000, [&](std::size_t row) {
    return Healthy(row) + (row >= 1'000 && row < 1'100 ? 100 : 0);
  }));

  EXPECT_EQ(answers[1'050].level, WarningLevel::kCritical);
  EXPECT_GE(answers[1'050].score, 0.7);
  EXPECT_EQ(answers[1'140].level, WarningLevel::kNormal);
  EXPECT_EQ(Episodes(answers).size(), 1U);
}

TEST_F(AnomalyDetectorTest, ScoresALoneSpikeWithoutAWarning) {
  auto series = Make(2'000, [&](std::size_t row) { return Healthy(row); });
  series[1'500] = 500;

  const auto answers = Scored(series);

  EXPECT_GE(answers[1'500].score, 0.5);
  EXPECT_TRUE(Episodes(answers).empty());
}

TEST_F(AnomalyDetectorTest, WarnsAgainOfTheSameFault) {
  const auto answers = Scored(Make(4'000, [&](std::size_t row) {
    const bool fault = (row >= 1'000 && row < 1'100) || (row >= 3'000 && row < 3'100);
    return Healthy(row) + (fault ? 15 : 0);
  }));

  EXPECT_EQ(Episodes(answers).size(), 2U);
}

TEST_F(AnomalyDetectorTest, TakesWhatLastsForTheNewNormal) {
  const auto answers =
      Scored(Make(8'000, [&](std::size_t row) { return Healthy(row) + (row < 2'000 ? 0 : 50); }));

  EXPECT_TRUE(Warns(answers[2'100]));
  EXPECT_FALSE(Warns(answers[4'000]));
  EXPECT_FALSE(Warns(answers.back()));
}

TEST_F(AnomalyDetectorTest, GivesScoresBetweenNoughtAndOneForAnyNumber) {
  constexpr double kOdd[] = {0,      -0.0,    1e308,  -1e308, 5e-324, 1e-300,
                             -1e300, 1.7e308, 123456, -42,    1e16,   -1e16};
  std::uniform_int_distribution<std::size_t> pick(0, std::size(kOdd) - 1);
  for (const Answer& answer : Scored(Make(20'000, [&](std::size_t row) {
         return row % 3 == 0 ? Noise() : kOdd[pick(random_)];
       }))) {
    ASSERT_TRUE(std::isfinite(answer.score));
    ASSERT_GE(answer.score, 0);
    ASSERT_LE(answer.score, 1);
  }
}

TEST_F(AnomalyDetectorTest, LeavesOutWhatIsNoNumber) {
  AnomalyDetector with({});
  AnomalyDetector without({});
  for (std::int64_t row = 0; row < 500; ++row) {
    const double value = Noise();
    const std::vector<InputValue> odd = {
        {"a", value                                   },
        {"b", std::numeric_limits<double>::quiet_NaN()},
        {"c", std::numeric_limits<double>::infinity() }
    };
    const std::vector<InputValue> plain = {
        {"a", value}
    };

    EXPECT_EQ(with.Score("m", row, odd).score, without.Score("m", row, plain).score);
  }
}

TEST_F(AnomalyDetectorTest, ARowWithoutValuesRepeatsTheLastAnswer) {
  AnomalyDetector detector({});
  EXPECT_EQ(detector.Score("m", 1, {}).score, 0);
  Answer last;
  for (std::int64_t row = 2; row < 500; ++row) {
    const InputValue value{"a", row < 490 ? Noise() : 1e6};
    last = detector.Score("m", row, {&value, 1});
  }
  ASSERT_GT(last.score, 0.5);

  EXPECT_EQ(detector.Score("m", 500, {}).score, last.score);
  EXPECT_EQ(detector.Score("m", 501, {}).level, last.level);
}

TEST_F(AnomalyDetectorTest, ScoresTheMostUnusualInput) {
  AnomalyDetector detector({});
  std::vector<InputValue> values = {
      {"calm", 0},
      {"odd",  0}
  };
  Answer answer;
  for (std::int64_t row = 0; row < 1'000; ++row) {
    values[0].value = Noise();
    values[1].value = row < 990 ? Noise() : 50;
    answer = detector.Score("m", row, values);
  }

  EXPECT_GE(answer.score, 0.5);
  EXPECT_NE(answer.level, WarningLevel::kNormal);
}

TEST_F(AnomalyDetectorTest, KeepsAssetsApart) {
  AnomalyDetector both({});
  AnomalyDetector alone({});
  for (std::int64_t row = 0; row < 1'000; ++row) {
    const InputValue value{"a", Noise()};
    const InputValue other{"a", 1e9 * Noise()};
    both.Score("other", row, {&other, 1});
    ASSERT_EQ(both.Score("m", row, {&value, 1}).score, alone.Score("m", row, {&value, 1}).score);
  }
}

TEST_F(AnomalyDetectorTest, ARowSeenAgainGetsTheSameAnswerAndTeachesNothing) {
  AnomalyDetector detector({});
  AnomalyDetector repeated({});
  for (std::int64_t row = 0; row < 2'000; ++row) {
    const InputValue value{"a", row == 1'500 ? 30 : Noise()};
    const Answer answer = detector.Score("m", row, {&value, 1});
    ASSERT_EQ(repeated.Score("m", row, {&value, 1}).score, answer.score);
    const Answer again = repeated.Score("m", row, {&value, 1});
    ASSERT_EQ(again.score, answer.score);
    ASSERT_EQ(again.level, answer.level);
  }
  EXPECT_EQ(repeated.learned(), 2'000U);
}

TEST_F(AnomalyDetectorTest, AnOldRowIsJudgedWithoutLearning) {
  AnomalyDetector detector({});
  for (std::int64_t row = 0; row < 1'000; ++row) {
    const InputValue value{"a", Noise()};
    detector.Score("m", row, {&value, 1});
  }
  const std::string before = detector.Save();
  const InputValue odd{"a", 1e6};

  EXPECT_GE(detector.Score("m", 3, {&odd, 1}).score, 0.5);

  EXPECT_EQ(detector.Save(), before);
}

TEST_F(AnomalyDetectorTest, GoesOnWhereItWasSaved) {
  AnomalyDetector detector({});
  AnomalyDetector restored({});
  std::vector<InputValue> values = {
      {"a", 0},
      {"b", 0}
  };
  for (std::int64_t row = 0; row < 3'000; ++row) {
    values[0].value = Noise();
    values[1].value = row % 50 == 0 ? 10 : std::floor(Noise());
    if (row == 1'000) {
      ASSERT_TRUE(restored.Load(detector.Save()).ok());
    }
    const Answer answer = detector.Score("m", row, values);
    if (row < 1'000) continue;
    const Answer other = restored.Score("m", row, values);
    ASSERT_EQ(other.score, answer.score) << row;
    ASSERT_EQ(other.level, answer.level) << row;
  }
}

TEST_F(AnomalyDetectorTest, KnowsTheLastAnswersAfterARestart) {
  AnomalyDetector detector({});
  std::vector<Answer> answers;
  for (std::int64_t row = 0; row < 500; ++row) {
    const InputValue value{"a", Noise()};
    answers.push_back(detector.Score("m", row, {&value, 1}));
  }
  AnomalyDetector restored({});
  ASSERT_TRUE(restored.Load(detector.Save()).ok());

  const InputValue value{"a", 77};
  for (std::int64_t row = 450; row < 500; ++row)
    EXPECT_EQ(restored.Score("m", row, {&value, 1}).score,
              answers[static_cast<std::size_t>(row)].score);
}

TEST_F(AnomalyDetectorTest, RefusesADamagedState) {
  AnomalyDetector detector({});
  for (std::int64_t row = 0; row < 300; ++row) {
    const InputValue value{"a", Noise()};
    detector.Score("m", row, {&value, 1});
  }
  const std::string whole = detector.Save();
  for (std::size_t cut = 0; cut < whole.size(); cut += 37) {
    std::string flipped = whole;
    flipped[cut] = static_cast<char>(flipped[cut] ^ 1);
    AnomalyDetector fresh({});

    EXPECT_FALSE(fresh.Load(whole.substr(0, cut)).ok());
    EXPECT_FALSE(fresh.Load(flipped).ok());
    EXPECT_EQ(fresh.assets(), 0U);
  }
}

TEST_F(AnomalyDetectorTest, ForgetsTheAssetNotHeardOfForLongest) {
  DetectorOptions options;
  options.max_assets = 3;
  AnomalyDetector detector(options);
  const InputValue value{"a", 1};
  for (const char* asset : {"one", "two", "three", "one", "four"})
    detector.Score(asset, std::nullopt, {&value, 1});

  EXPECT_EQ(detector.assets(), 3U);
  EXPECT_EQ(detector.Save().find("two"), std::string::npos);
  EXPECT_NE(detector.Save().find("one"), std::string::npos);
}

TEST_F(AnomalyDetectorTest, ForgetsOnDemand) {
  AnomalyDetector detector({});
  const InputValue value{"a", 1};
  for (const char* asset : {"one", "two", "three"}) detector.Score(asset, 1, {&value, 1});
  detector.Forget("one");
  detector.Forget("one");
  EXPECT_EQ(detector.assets(), 2U);

  const std::vector<std::string> kept = {"three", "none"};
  detector.KeepOnly(kept);

  EXPECT_EQ(detector.assets(), 1U);
}

class InvarianceTest : public AnomalyDetectorTest,
                       public ::testing::WithParamInterface<std::pair<double, double>> {};

TEST_P(InvarianceTest, ScaledShiftedOrMirroredItIsTheSame) {
  const auto [factor, shift] = GetParam();
  const auto series = Make(6'000, [&](std::size_t row) {
    return Healthy(row) + (row > 3'000 && row < 3'200 ? 0.1 * static_cast<double>(row - 3'000) : 0);
  });
  Series changed = series;
  for (double& value : changed) value = value * factor + shift;

  const auto plain = Scored(series);
  const auto other = Scored(changed);

  ASSERT_FALSE(Episodes(plain).empty());
  EXPECT_EQ(Episodes(plain), Episodes(other));
  for (std::size_t row = 0; row < plain.size(); ++row)
    ASSERT_NEAR(plain[row].score, other[row].score, 1e-5) << row;
}

INSTANTIATE_TEST_SUITE_P(EveryChange, InvarianceTest,
                         ::testing::Values(std::pair{2.0, 0.0}, std::pair{-1.0, 0.0},
                                           std::pair{1.0, 1000.0}, std::pair{1000.0, 0.0},
                                           std::pair{1.8, 32.0}, std::pair{-1e-9, 0.0},
                                           std::pair{1e200, 0.0}, std::pair{1e-200, 0.0}));

}  // namespace
}  // namespace outrigger::inference
