// SPDX-License-Identifier: Apache-2.0
// The list of faults: whole, in order, bounded, in words, without secrets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "documents.h"

namespace outrigger::manifest {
namespace {

using ::testing::HasSubstr;

TEST(Faults, AreToldAllAtOnceInTheOrderOfTheText) {
  Json document = RealTime();
  document["inptus"] = Json::array();
  document["trigger"] = {
      {"type", "HOURLY"}
  };
  document["version"] = 5;
  document["inputs"][0]["unit"] = "furlong";
  document["model"].erase("hosted");
  document["model"]["port"] = 0;

  const auto faults = ParseManifest(document.dump(), Format::kJson).faults;

  EXPECT_THAT(Pointers(faults),
              ::testing::UnorderedElementsAre("/inptus", "/trigger/type", "/version",
                                              "/inputs/0/unit", "/model/hosted", "/model/port"));
  EXPECT_TRUE(
      std::ranges::is_sorted(faults, {}, [](const Fault& fault) { return fault.at.column; }));
}

TEST(Faults, SayWhatWasFoundWhatIsAllowedWhereAndWhatWasMeant) {
  const std::string text = R"({
  "inptus": [],
  "model": {"type": "htp"})" +
                           RealTime().dump().substr(0, 0) + "\n}";

  const auto faults = ParseManifest(text, Format::kJson).faults;

  const Fault* unknown = FindFault(faults, "/inptus", "unknown-field");
  ASSERT_NE(unknown, nullptr);
  EXPECT_THAT(unknown->detail, HasSubstr("Did you mean \"inputs\"?"));
  EXPECT_EQ(unknown->at.line, 2u);
  const Fault* type = FindFault(faults, "/model/type", "value");
  ASSERT_NE(type, nullptr);
  EXPECT_EQ(type->detail,
            "\"type\" must be one of \"http\", \"amqp\", \"kserve-v2\"; found \"htp\" (line 3, "
            "column 21). Did you mean \"http\"?");
  EXPECT_EQ(type->found, "\"htp\"");
  EXPECT_EQ(type->at.line, 3u);
  EXPECT_EQ(type->at.column, 21u);
}

TEST(Faults, OfAMissingMemberTellWhereItsObjectBegins) {
  const auto faults = ParseManifest("\n {\"inputs\": []}", Format::kJson).faults;

  const Fault* missing = FindFault(faults, "/model", "missing");
  ASSERT_NE(missing, nullptr);
  EXPECT_EQ(missing->at.line, 2u);
  EXPECT_EQ(missing->at.column, 2u);
}

TEST(Faults, AreBoundedHoweverManyThereAre) {
  Json document = RealTime();
  for (int i = 0; i < 50'000; ++i) document["unknown" + std::to_string(i)] = i;

  const auto faults = ParseManifest(document.dump(), Format::kJson).faults;

  EXPECT_EQ(faults.size(), 1001u);
  EXPECT_EQ(faults.back().code, "too-many-faults");
  EXPECT_THAT(faults.back().detail, HasSubstr("49000 more"));
}

TEST(Faults, ShortenWhatTheyQuote) {
  const auto faults =
      ParseManifest(With(RealTime(), "/name", std::string(500'000, 'x')).dump(), Format::kJson)
          .faults;

  ASSERT_EQ(faults.size(), 1u);
  EXPECT_LT(faults[0].detail.size(), 400u);
}

TEST(Faults, NeverNameThePassword) {
  Json document = RealTime();
  document["model"]["container"]["customRegistry"] = {
      {"registry", "r.io"     },
      {"username", "u"        },
      {"password", "hunter2\n"},
      {"pasword",  "hunter2"  }
  };
  document["model"]["container"]["customRegistry"]["username"] = 5;

  for (const Fault& fault : ParseManifest(document.dump(), Format::kJson).faults) {
    EXPECT_THAT(fault.detail, ::testing::Not(HasSubstr("hunter2"))) << fault.pointer;
    EXPECT_THAT(fault.found, ::testing::Not(HasSubstr("hunter2"))) << fault.pointer;
  }
}

}  // namespace
}  // namespace outrigger::manifest
