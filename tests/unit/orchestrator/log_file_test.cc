// SPDX-License-Identifier: Apache-2.0
#include "log_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>

#include <cstdlib>
#include <filesystem>

#include "descriptor.h"
#include "outrigger/base/text.h"

namespace outrigger::orchestrator {
namespace {

class LogFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/outrigger-log-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    root_ = name;
    log_ = root_ + "/log";
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  std::string root_;
  std::string log_;
};

TEST_F(LogFileTest, GivesTheLastLines) {
  ASSERT_TRUE(WriteFile(log_, "one\ntwo\nthree\n").ok());

  EXPECT_EQ(TailOfLog(log_, 2, 1000), "two\nthree\n");
  EXPECT_EQ(TailOfLog(log_, 3, 1000), "one\ntwo\nthree\n");
  EXPECT_EQ(TailOfLog(log_, 9, 1000), "one\ntwo\nthree\n");
  EXPECT_EQ(TailOfLog(log_, 0, 1000), "");
  EXPECT_EQ(TailOfLog(log_, -1, 1000), "");
}

TEST_F(LogFileTest, GivesALineThatHasNotEnded) {
  ASSERT_TRUE(WriteFile(log_, "\none\ntwo").ok());

  EXPECT_EQ(TailOfLog(log_, 1, 1000), "two");
  EXPECT_EQ(TailOfLog(log_, 3, 1000), "\none\ntwo");
}

TEST_F(LogFileTest, IsEmptyWithoutAFile) { EXPECT_EQ(TailOfLog(log_, 5, 1000), ""); }

TEST_F(LogFileTest, IsCutAndStaysReadable) {
  std::string text;
  for (int line = 0; line < 1000; ++line) text += "line " + std::to_string(line) + "\n";
  ASSERT_TRUE(WriteFile(log_, text).ok());

  CutLog(log_, 1024);

  EXPECT_EQ(std::filesystem::file_size(log_), 0U);
  EXPECT_EQ(std::filesystem::file_size(log_ + ".1"), 1024U);
  EXPECT_EQ(TailOfLog(log_, 2, 4096), "line 998\nline 999\n");
}

TEST_F(LogFileTest, IsCutThoughTheModelLocksIt) {
  ASSERT_TRUE(WriteFile(log_, std::string(5000, 'x')).ok());
  const Descriptor model(::open(log_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  ASSERT_EQ(::flock(model.get(), LOCK_EX | LOCK_NB), 0);

  CutLog(log_, 1024);

  EXPECT_EQ(std::filesystem::file_size(log_), 0U);
}

TEST_F(LogFileTest, IsLeftToWhomCutsItAlready) {
  ASSERT_TRUE(WriteFile(log_, std::string(5000, 'x')).ok());
  const Descriptor other(::open((log_ + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  ASSERT_EQ(::flock(other.get(), LOCK_EX | LOCK_NB), 0);

  CutLog(log_, 1024);

  EXPECT_EQ(std::filesystem::file_size(log_), 5000U);
}

TEST_F(LogFileTest, IsLeftAloneWithinItsBound) {
  ASSERT_TRUE(WriteFile(log_, "short\n").ok());

  CutLog(log_, 1024);

  EXPECT_EQ(std::filesystem::file_size(log_), 6U);
  EXPECT_FALSE(std::filesystem::exists(log_ + ".1"));
}

}  // namespace
}  // namespace outrigger::orchestrator
