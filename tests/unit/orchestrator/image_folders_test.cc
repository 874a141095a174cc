// SPDX-License-Identifier: Apache-2.0
#include "image_folders.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>

#include "outrigger/base/text.h"

namespace outrigger::orchestrator {
namespace {

class ImageFoldersTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/outrigger-images-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    root_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  void Install(const std::string& path, const std::string& content, unsigned mode = 0755) {
    std::filesystem::create_directories(root_ + "/" + path);
    ASSERT_TRUE(WriteFile(root_ + "/" + path + "/run", content, mode).ok());
  }
  Result<FoundImage> Find(const std::string& image, const std::string& tag,
                          const std::string& digest = {}) {
    return FindImage({root_ + "/a", root_ + "/b"}, {image, tag, digest});
  }

  std::string root_;
};

TEST_F(ImageFoldersTest, TakesTheFirstFolderThatHasTheImage) {
  Install("b/arm/1", "second");
  Install("a/arm/2", "other tag");

  const auto found = Find("arm", "1");

  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->executable, root_ + "/b/arm/1/run");
  EXPECT_EQ(found->digest, "sha256:" + Sha256Hex("second"));
}

TEST_F(ImageFoldersTest, KnowsImagesWithPathPartsAndARegistry) {
  Install("a/example.com:5000/team/arm/latest", "x");

  EXPECT_TRUE(Find("example.com:5000/team/arm", "latest").ok());
}

TEST_F(ImageFoldersTest, SaysWhereItLookedForAMissingImage) {
  const auto found = Find("arm", "1");

  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().code(), ErrorCode::kNotFound);
  EXPECT_NE(found.error().hint().find(root_ + "/a, " + root_ + "/b"), std::string::npos);
}

TEST_F(ImageFoldersTest, FindsTheFolderThatHasTheAskedDigest) {
  Install("a/arm/1", "new");
  Install("b/arm/1", "old");

  const auto found = Find("arm", "1", "sha256:" + Sha256Hex("old"));

  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->executable, root_ + "/b/arm/1/run");
}

TEST_F(ImageFoldersTest, RefusesAnImageWhoseContentChanged) {
  Install("a/arm/1", "new");

  const auto found = Find("arm", "1", "sha256:" + Sha256Hex("old"));

  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().code(), ErrorCode::kNotFound);
}

TEST_F(ImageFoldersTest, RefusesWhatIsNoExecutableFile) {
  Install("a/plain/1", "x", 0644);
  std::filesystem::create_directories(root_ + "/a/folder/1/run");

  EXPECT_EQ(Find("plain", "1").error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(Find("folder", "1").error().code(), ErrorCode::kInvalidArgument);
}

class BadReferenceTest : public ImageFoldersTest,
                         public ::testing::WithParamInterface<const char*> {};

TEST_P(BadReferenceTest, NeverLeavesTheFolders) {
  Install("secret/1", "x");
  Install("a/ok/1", "x");

  EXPECT_EQ(Find(GetParam(), "1").error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(Find("ok", GetParam()).error().code(), ErrorCode::kInvalidArgument);
}

INSTANTIATE_TEST_SUITE_P(EveryTrick, BadReferenceTest,
                         ::testing::Values("../secret", "/secret", "ok/../../secret", "", ".", "..",
                                           "ok//1", "ok/", "./ok", "a\nb", "-x", "ok/.hidden",
                                           "ok:1/../..", "\x01"));

}  // namespace
}  // namespace outrigger::orchestrator
