// SPDX-License-Identifier: Apache-2.0
// The machine temperature recording of the Numenta Anomaly Benchmark: 22,695 readings, one each
// five minutes, with four labelled failures. Where the file is: OUTRIGGER_NAB, else beside the
// checkout.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <optional>
#include <sstream>

#include "outrigger/base/text.h"
#include "series.h"

namespace outrigger::inference {
namespace {

struct Recording {
  std::vector<std::string> times;  // "2013-12-02 21:15:00": compare as text
  Series values;
};

std::optional<Recording> ReadRecording() {
  const char* given = std::getenv("OUTRIGGER_NAB");
  const std::string folder =
      given != nullptr ? given : std::string(OUTRIGGER_SOURCE_DIR) + "/../shared/data/nab";
  const auto text = ReadFile(folder + "/machine_temperature_system_failure.csv");
  if (!text) return std::nullopt;
  Recording recording;
  std::istringstream lines(*text);
  std::string line;
  std::getline(lines, line);  // the header
  while (std::getline(lines, line)) {
    const auto comma = line.find(',');
    if (comma == std::string::npos) continue;
    recording.times.push_back(line.substr(0, comma));
    recording.values.push_back(std::stod(line.substr(comma + 1)));
  }
  return recording;
}

// Labelled windows, first and last time.
constexpr std::pair<const char*, const char*> kWindows[] = {
    {"2013-12-10 06:25:00", "2013-12-12 05:35:00"},
    {"2013-12-15 17:50:00", "2013-12-17 17:00:00"},
    {"2014-01-27 14:20:00", "2014-01-29 13:30:00"},
    {"2014-02-07 14:55:00", "2014-02-09 14:05:00"}
};

int WindowOf(const std::string& time) {
  for (int i = 0; i < 4; ++i)
    if (kWindows[i].first <= time && time <= kWindows[i].second) return i;
  return -1;
}

struct Verdict {
  int warned[4] = {0, 0, 0, 0};  // episodes that touch each window
  int outside = 0;               // episodes that touch none
  double flagged = 0;            // part of the readings
};

Verdict Judge(const Recording& recording, const std::vector<Answer>& answers) {
  Verdict verdict;
  for (const auto& [first, last] : Episodes(answers)) {
    bool touches[4] = {false, false, false, false};
    for (std::size_t i = first; i < last; ++i)
      if (const int window = WindowOf(recording.times[i]); window >= 0) touches[window] = true;
    for (int window = 0; window < 4; ++window) verdict.warned[window] += touches[window];
    verdict.outside += std::ranges::none_of(touches, std::identity{});
    verdict.flagged += static_cast<double>(last - first);
  }
  verdict.flagged /= static_cast<double>(answers.size());
  return verdict;
}

class RecordingTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto read = ReadRecording();
    if (!read) GTEST_SKIP() << "the recording is not here; set OUTRIGGER_NAB to its folder";
    recording_ = std::move(*read);
    ASSERT_EQ(recording_.values.size(), 22'695U);
  }
  // As recorded, but for `change`.
  std::vector<Answer> ScoredWith(const std::function<double(double)>& change) {
    Series changed = recording_.values;
    std::ranges::transform(changed, changed.begin(), change);
    return Scored(changed);
  }
  void ExpectSame(const std::vector<Answer>& changed) {
    const auto plain = Scored(recording_.values);
    ASSERT_EQ(plain.size(), changed.size());
    std::size_t levels = 0;
    for (std::size_t i = 0; i < plain.size(); ++i) {
      ASSERT_NEAR(plain[i].score, changed[i].score, 1e-5) << recording_.times[i];
      levels += plain[i].level != changed[i].level;
    }
    EXPECT_EQ(levels, 0U);
  }
  Recording recording_;
};

TEST_F(RecordingTest, WarnsOfTheFailuresAndOfLittleElse) {
  const auto answers = Scored(recording_.values);

  const Verdict verdict = Judge(recording_, answers);

  for (const auto& [first, last] : Episodes(answers))
    std::printf("warning from %s to %s\n", recording_.times[first].c_str(),
                recording_.times[last - 1].c_str());
  std::printf("episodes in the windows: %d %d %d %d, outside: %d, flagged: %.2f %%\n",
              verdict.warned[0], verdict.warned[1], verdict.warned[2], verdict.warned[3],
              verdict.outside, 100 * verdict.flagged);
  EXPECT_GE(verdict.warned[1], 1) << "15 to 17 December 2013";
  EXPECT_GE(verdict.warned[3], 1) << "7 to 9 February 2014";
  EXPECT_LE(verdict.outside, 10);
  EXPECT_LE(verdict.flagged, 0.02);
}

// Not a figure of one lucky bound: it holds in a neighbourhood.
TEST_F(RecordingTest, DoesNotHangOnTheExactBound) {
  for (const double bound : {0.48, 0.52}) {
    DetectorOptions options;
    options.warning = bound;

    const Verdict verdict = Judge(recording_, Scored(recording_.values, options));

    EXPECT_GE(verdict.warned[1], 1) << bound;
    EXPECT_GE(verdict.warned[3], 1) << bound;
    EXPECT_LE(verdict.outside, 10) << bound;
    EXPECT_LE(verdict.flagged, 0.02) << bound;
  }
}

TEST_F(RecordingTest, DoesNotHangOnTheFirstReading) {
  for (const std::size_t missed : {500, 1'000}) {
    Recording later = recording_;
    later.times.erase(later.times.begin(), later.times.begin() + missed);
    later.values.erase(later.values.begin(), later.values.begin() + missed);

    const Verdict verdict = Judge(later, Scored(later.values));

    EXPECT_GE(verdict.warned[1], 1) << missed;
    EXPECT_GE(verdict.warned[3], 1) << missed;
    EXPECT_LE(verdict.outside, 10) << missed;
    EXPECT_LE(verdict.flagged, 0.02) << missed;
  }
}

TEST_F(RecordingTest, ScalingChangesNothing) {
  ExpectSame(ScoredWith([](double value) { return 2 * value; }));
  ExpectSame(ScoredWith([](double value) { return 1000 * value; }));
  ExpectSame(ScoredWith([](double value) { return value / 7; }));
}

TEST_F(RecordingTest, ShiftingChangesNothing) {
  ExpectSame(ScoredWith([](double value) { return value + 1000; }));
  ExpectSame(ScoredWith([](double value) { return value - 90; }));
}

TEST_F(RecordingTest, MirroringChangesNothing) {
  ExpectSame(ScoredWith([](double value) { return -value; }));
  ExpectSame(ScoredWith([](double value) { return 451 - 1.8 * value; }));
}

}  // namespace
}  // namespace outrigger::inference
