// SPDX-License-Identifier: Apache-2.0
#include "edge_runtime/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace outrigger::edge_runtime {
namespace {

using ::testing::ElementsAre;

Result<Config> Load(const std::vector<std::string>& line) {
  std::vector<const char*> arguments;
  for (const std::string& argument : line) arguments.push_back(argument.c_str());
  const char* const nothing[] = {nullptr};
  return LoadConfig("edge_runtime", Settings(), static_cast<int>(arguments.size()),
                    arguments.data(), nothing);
}

TEST(EdgeRuntimeConfigTest, TakesSettingsFromAModelsEnvironment) {
  const char* const flags[] = {"run", "--detector-hold=9"};
  const char* const environment[] = {"PORT=4711",       "PATH=/bin",     "DETECTOR_WARMUP=200",
                                     "detector_hold=3", "LEVEL_COLUMN=", nullptr};

  const auto line = WithEnvironment(2, flags, environment);
  const auto config = Load(line);

  EXPECT_THAT(line, ElementsAre("run", "--port=4711", "--detector_warmup=200",
                                "--level_column=", "--detector-hold=9"));
  ASSERT_TRUE(config.ok()) << config.error().ToString();
  EXPECT_EQ(ServerOptionsFrom(*config).port, 4711);
  EXPECT_EQ(DetectorOptionsFrom(*config).series.warmup, 200);
  EXPECT_EQ(DetectorOptionsFrom(*config).hold, 9);
  EXPECT_TRUE(OutputColumnsFrom(*config).level.empty());
  EXPECT_THAT(OutputColumnsFrom(*config).score, ElementsAre("anomalyScore"));
}

TEST(EdgeRuntimeConfigTest, ReadsListsOfColumns) {
  const auto config = Load({"run", "--score_column=a,b,"});

  ASSERT_TRUE(config.ok());
  EXPECT_THAT(OutputColumnsFrom(*config).score, ElementsAre("a", "b"));
}

TEST(EdgeRuntimeConfigTest, RefusesBadValues) {
  EXPECT_FALSE(Load({"run", "--detector_warmup=1"}).ok());
  EXPECT_FALSE(Load({"run", "--detector_warning=nan"}).ok());
  EXPECT_FALSE(Load({"run", "--no_such=1"}).ok());
}

TEST(EdgeRuntimeConfigTest, DefaultsAreTheDetectorsOwn) {
  const auto config = Load({"run"});
  ASSERT_TRUE(config.ok());
  const inference::DetectorOptions from_table = DetectorOptionsFrom(*config);
  const inference::DetectorOptions own;

  EXPECT_EQ(from_table.series.warmup, own.series.warmup);
  EXPECT_EQ(from_table.series.memory, own.series.memory);
  EXPECT_EQ(from_table.series.patience, own.series.patience);
  EXPECT_EQ(from_table.series.stuck_samples, own.series.stuck_samples);
  EXPECT_EQ(from_table.warning, own.warning);
  EXPECT_EQ(from_table.critical, own.critical);
  EXPECT_EQ(from_table.fall, own.fall);
  EXPECT_EQ(from_table.hold, own.hold);
  EXPECT_EQ(from_table.max_assets, own.max_assets);
}

}  // namespace
}  // namespace outrigger::edge_runtime
