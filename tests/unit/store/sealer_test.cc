// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "outrigger/store/database.h"

namespace outrigger::store {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::string kKey(64, 'a');

TEST(SealerTest, OpensWhatItSealed) {
  const auto sealer = Sealer::FromHexKey(kKey + "\n");
  ASSERT_TRUE(sealer.ok());

  for (const std::string& secret :
       {std::string(), std::string("hunter2"), std::string("\0\xff", 2), std::string(5'000, 'x')})
    EXPECT_EQ(*sealer->Open(sealer->Seal(secret, "red/registry/a"), "red/registry/a"), secret);
}

TEST(SealerTest, SealsTheSameSecretDifferentlyEachTime) {
  const auto sealer = Sealer::FromHexKey(kKey);

  const std::string one = sealer->Seal("hunter2", "c"), two = sealer->Seal("hunter2", "c");

  EXPECT_NE(one, two);
  EXPECT_THAT(one, Not(HasSubstr("hunter2")));
}

TEST(SealerTest, RefusesAnotherKeyAnotherOwnerAndTampering) {
  const auto sealer = Sealer::FromHexKey(kKey);
  const auto other = Sealer::FromHexKey(std::string(64, 'b'));
  const std::string sealed = sealer->Seal("hunter2", "red/registry/a");

  EXPECT_EQ(other->Open(sealed, "red/registry/a").error().code(), ErrorCode::kCorrupt);
  EXPECT_FALSE(sealer->Open(sealed, "blue/registry/a").ok());
  for (std::size_t i = 3; i < sealed.size(); ++i) {
    std::string bent = sealed;
    bent[i] = bent[i] == 'A' ? 'B' : 'A';
    const auto opened = sealer->Open(bent, "red/registry/a");
    // The last character of base64url may carry bits that mean nothing.
    EXPECT_TRUE(!opened.ok() || i + 1 == sealed.size()) << i;
  }
  EXPECT_FALSE(sealer->Open("", "").ok());
  EXPECT_FALSE(sealer->Open("v1.", "").ok());
  EXPECT_FALSE(sealer->Open("plain", "").ok());
}

TEST(SealerTest, RefusesAKeyThatIsNone) {
  for (const std::string& hex :
       {std::string(), std::string(63, 'a'), std::string(64, 'g'), std::string(66, 'a')}) {
    const auto sealer = Sealer::FromHexKey(hex);
    ASSERT_FALSE(sealer.ok());
    EXPECT_EQ(sealer.error().code(), ErrorCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace outrigger::store
