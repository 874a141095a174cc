// SPDX-License-Identifier: Apache-2.0
#include "outrigger/http/bearer.h"

#include <gtest/gtest.h>

namespace outrigger::http {
namespace {

Request With(std::string authorization) {
  Request request;
  request.headers.emplace_back("authorization", std::move(authorization));
  return request;
}

TEST(BearerTest, TakesTheTokenOfTheBearerScheme) {
  EXPECT_EQ(BearerToken(With("Bearer abc.DEF-1_2~3+4/5==")), "abc.DEF-1_2~3+4/5==");
  EXPECT_EQ(BearerToken(With("bearer  abc")), "abc");
}

TEST(BearerTest, FindsNoTokenInAnythingElse) {
  for (const char* text : {"", "Bearer", "Bearer ", "Basic abc", "Bearer a b", "Bearer \xC3\xA9",
                           "Bearerabc", "Bearer a\"b"})
    EXPECT_EQ(BearerToken(With(text)), std::nullopt) << text;
  EXPECT_EQ(BearerToken(Request()), std::nullopt);
  EXPECT_EQ(BearerToken(With("Bearer " + std::string(10'000, 'a'))), std::nullopt);
}

TEST(BearerTest, OrdersRolesByWhatTheyMay) {
  for (const char* name : {"viewer", "scientist", "operator", "admin", "platform-admin"})
    EXPECT_EQ(Name(ParseRole(name).value()), name);
  EXPECT_EQ(ParseRole("Admin"), std::nullopt);
  EXPECT_LT(Role::kScientist, Role::kOperator);
}

TEST(BearerTest, JudgesTheTokenBeforeTheRole) {
  const Credential viewer{"t", "v", Role::kViewer, {}};
  const Credential gone{"t", "v", Role::kViewer, 1'000};
  const Credential admin{"t", "a", Role::kPlatformAdmin, 1'001};

  EXPECT_EQ(Judge(nullptr, Role::kViewer, 1'000)->status, 401);
  EXPECT_EQ(Judge(&gone, Role::kOperator, 1'000)->status, 401);
  EXPECT_EQ(Judge(&viewer, Role::kOperator, 1'000)->status, 403);
  EXPECT_FALSE(Judge(&viewer, Role::kViewer, 1'000));
  EXPECT_FALSE(Judge(&admin, Role::kOperator, 1'000));
}

TEST(BearerTest, ChallengesWhoeverHasNoToken) {
  const auto refusal = Judge(nullptr, Role::kViewer, 0);

  EXPECT_EQ(refusal->content_type, "application/problem+json");
  EXPECT_EQ(refusal->headers.at(0).first, "WWW-Authenticate");
}

}  // namespace
}  // namespace outrigger::http
