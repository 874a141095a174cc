// SPDX-License-Identifier: Apache-2.0
#include "remove_tree.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "outrigger/base/text.h"

namespace outrigger::orchestrator {
namespace {

class RemoveTreeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/outrigger-tree-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    root_ = name;
    ASSERT_EQ(::mkdir((root_ + "/tree").c_str(), 0700), 0);
  }
  void TearDown() override { std::filesystem::remove_all(root_); }
  std::string root_;
};

TEST_F(RemoveTreeTest, IsContentWithNothing) { EXPECT_TRUE(RemoveTree(root_ + "/none").ok()); }

TEST_F(RemoveTreeTest, FollowsNoLink) {
  std::filesystem::create_directories(root_ + "/precious");
  ASSERT_TRUE(WriteFile(root_ + "/precious/file", "x").ok());
  std::filesystem::create_directory_symlink(root_ + "/precious", root_ + "/tree/link");

  EXPECT_TRUE(RemoveTree(root_ + "/tree").ok());

  EXPECT_TRUE(std::filesystem::exists(root_ + "/precious/file"));
  EXPECT_FALSE(std::filesystem::exists(root_ + "/tree"));
}

TEST_F(RemoveTreeTest, RemovesWhatIsDeeperThanAnyPath) {
  int at = ::open((root_ + "/tree").c_str(), O_RDONLY | O_DIRECTORY);
  for (int level = 0; level < 3000; ++level) {
    ASSERT_EQ(::mkdirat(at, "inner", 0700), 0);
    const int next = ::openat(at, "inner", O_RDONLY | O_DIRECTORY);
    ::close(at);
    at = next;
  }
  ::close(at);

  EXPECT_TRUE(RemoveTree(root_ + "/tree").ok());

  EXPECT_FALSE(std::filesystem::exists(root_ + "/tree"));
}

TEST_F(RemoveTreeTest, RemovesFoldersThatBarTheirOwnOwner) {
  std::filesystem::create_directories(root_ + "/tree/a/b/c");
  ASSERT_EQ(::chmod((root_ + "/tree/a/b/c").c_str(), 0), 0);
  ASSERT_EQ(::chmod((root_ + "/tree/a/b").c_str(), 0), 0);
  ASSERT_EQ(::chmod((root_ + "/tree/a").c_str(), 0), 0);
  ASSERT_EQ(::chmod((root_ + "/tree").c_str(), 0), 0);
  constexpr uid_t kNobody = 65534;
  if (::geteuid() == 0) {
    // Root passes everywhere: what is asked here is asked as somebody else.
    for (const char* path : {"", "/tree", "/tree/a", "/tree/a/b", "/tree/a/b/c"})
      ASSERT_EQ(::chown((root_ + path).c_str(), kNobody, kNobody), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      const bool nobody = ::setresuid(kNobody, kNobody, kNobody) == 0;
      ::_exit(nobody && RemoveTree(root_ + "/tree").ok() ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  } else {
    EXPECT_TRUE(RemoveTree(root_ + "/tree").ok());
  }

  EXPECT_FALSE(std::filesystem::exists(root_ + "/tree"));
}

TEST_F(RemoveTreeTest, RemovesNamesThatLookLikeItsOwn) {
  std::filesystem::create_directories(root_ + "/tree/.up-0/.up-1/.up-0/x");
  std::filesystem::create_directories(root_ + "/tree/a/b/c");
  std::filesystem::create_directories(root_ + "/tree/.up-1");

  EXPECT_TRUE(RemoveTree(root_ + "/tree").ok());

  EXPECT_FALSE(std::filesystem::exists(root_ + "/tree"));
}

}  // namespace
}  // namespace outrigger::orchestrator
