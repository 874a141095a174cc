// SPDX-License-Identifier: Apache-2.0
#include "model_api/document.h"

#include <gmock/gmock.h>

#include <array>
#include <nlohmann/json.hpp>

#include "model_api/inventory.h"
#include "model_api/inventory_rules.h"

namespace outrigger::model_api {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using Json = nlohmann::json;

auto FaultAt(const std::string& pointer, const std::string& code) {
  return AllOf(Field("pointer", &http::Fault::pointer, pointer),
               Field("code", &http::Fault::code, code));
}

constexpr std::array<std::string_view, 2> kKnown = {"name", "kind"};

TEST(ObjectReaderTest, TellsEveryFaultOfADocumentAtOnce) {
  const Json document = {
      {"nmae", 1},
      {"kind", 7}
  };
  Faults faults;

  ObjectReader reader(document, "/0", kKnown, faults);
  EXPECT_FALSE(reader.Text("name"));
  EXPECT_FALSE(reader.Text("kind"));

  EXPECT_THAT(faults, UnorderedElementsAre(FaultAt("/0/nmae", "unknown-field"),
                                           FaultAt("/0/name", "missing"),
                                           FaultAt("/0/kind", "wrong-type")));
  EXPECT_THAT(faults[0].detail, HasSubstr("did you mean name"));
}

TEST(ObjectReaderTest, EscapesMembersInPointers) {
  const Json document = {
      {"a/b~c", 1}
  };
  Faults faults;

  const ObjectReader reader(document, "", kKnown, faults);

  EXPECT_THAT(faults, ElementsAre(FaultAt("/a~1b~0c", "unknown-field")));
}

TEST(ObjectReaderTest, TakesNullForAnAbsentOptionalFieldButNotForARequiredOne) {
  const Json document = {
      {"name", nullptr},
      {"kind", nullptr}
  };
  Faults faults;

  ObjectReader reader(document, "", kKnown, faults);
  EXPECT_FALSE(reader.Text("name", {.need = Need::kOptional}));
  EXPECT_FALSE(reader.Text("kind"));

  EXPECT_THAT(faults, ElementsAre(FaultAt("/kind", "wrong-type")));
}

TEST(ObjectReaderTest, CountsCharactersAndNotBytes) {
  const Json document = {
      {"name", "äöü"}
  };
  Faults faults;

  ObjectReader reader(document, "", kKnown, faults);

  EXPECT_EQ(reader.Text("name", {.max_characters = 3}), "äöü");
  EXPECT_FALSE(reader.Text("name", {.max_characters = 2}));
  EXPECT_THAT(faults, ElementsAre(FaultAt("/name", "length")));
}

TEST(ObjectReaderTest, RefusesWhatIsNoObject) {
  Faults faults;

  const ObjectReader reader(Json::array(), "", kKnown, faults);

  EXPECT_FALSE(reader.ok());
  EXPECT_THAT(faults, ElementsAre(FaultAt("", "wrong-type")));
}

TEST(AssetTypeDocumentTest, IsShownAsItWasRead) {
  const Json document = {
      {"id",          "robot-arm"                                                                        },
      {"name",        "Robot arm"                                                                        },
      {"attributes",  Json::array({{{"name", "site"}, {"type", "string"}}})                              },
      {"telemetries", Json::array({{{"name", "Temperature"}, {"type", "number"}, {"unit", "Cel"}},
                                   {{"name", "Warning Level"}, {"type", "string"}}})}
  };
  Faults faults;

  const AssetType type = ReadAssetType(document, std::nullopt, faults);

  EXPECT_THAT(faults, IsEmpty());
  EXPECT_EQ(ToJson(type), document);
}

TEST(AssetTypeDocumentTest, PointsToEveryBadDefinition) {
  const Json document = {
      {"id",          "-x"                                 },
      {"telemetries", Json::array({{{"name", "a/b"}, {"type", "number"}},
                                   {{"name", "T"}, {"type", "float"}},
                                   {{"name", "T"}, {"type", "number"}, {"unit", "no-such-unit"}},
                                   {{"name", "T"}, {"type", "number"}},
                                   {{"name", "U"}, {"type", "string"}, {"unit", "Cel"}},
                                   7})}
  };
  Faults faults;

  const AssetType type = ReadAssetType(document, std::nullopt, faults);

  EXPECT_THAT(faults, UnorderedElementsAre(FaultAt("/id", "bad-id"),
                                           FaultAt("/telemetries/0/name", "bad-name"),
                                           FaultAt("/telemetries/1/type", "not-allowed"),
                                           FaultAt("/telemetries/2/unit", "unit"),
                                           FaultAt("/telemetries/3/name", "duplicate"),
                                           FaultAt("/telemetries/4/unit", "not-allowed"),
                                           FaultAt("/telemetries/5", "wrong-type")));
}

TEST(AssetTypeDocumentTest, NamesTheUnitThatWasMeant) {
  const Json document = {
      {"id",          "arm"                                                                  },
      {"telemetries", Json::array({{{"name", "T"}, {"type", "number"}, {"unit", "Celsius"}}})}
  };
  Faults faults;

  ReadAssetType(document, std::nullopt, faults);

  ASSERT_THAT(faults, ElementsAre(FaultAt("/telemetries/0/unit", "unit")));
  EXPECT_THAT(faults[0].detail, HasSubstr("did you mean \"Cel\""));
}

TEST(AssetDocumentTest, IsRefusedWhereItIsLargerThanADocumentMayBe) {
  Json wide = {
      {"id",   "x1"},
      {"type", "t" }
  };
  wide["attributes"]["note"] = std::string(1 << 20, 'x');
  Json digits = wide;
  digits["attributes"] = Json::object();
  for (int i = 0; i < 4'000; ++i) digits["attributes"]["n" + std::to_string(i)] = 1e300;
  Faults faults;

  ReadAsset(wide, "/3", std::nullopt, faults);
  ReadAsset(digits, "/4", std::nullopt, faults);

  EXPECT_THAT(faults, ElementsAre(FaultAt("/3", "too-large"), FaultAt("/4", "too-large")));
}

TEST(AssetDocumentTest, TellsSoManyFaultsAndNoMore) {
  AssetType type;
  type.id = "t";
  for (int i = 0; i < 1'000; ++i)
    type.attributes.push_back({std::string(100, 'a') + std::to_string(i), "number", std::nullopt});
  Json attributes = Json::object();
  for (int i = 0; i < 20'000; ++i) attributes[std::string(40, 'b') + std::to_string(i)] = 1;
  const Asset asset{"x1", "x1", "t", attributes.dump(), {}};
  Faults faults;

  CheckAgainstType(asset, type, "", faults);
  const http::Problem problem = Invalid(faults);

  EXPECT_EQ(problem.errors.size(), kMaxFaults + 1);
  EXPECT_EQ(problem.errors.back().code, "too-many-faults");
  EXPECT_THAT(problem.detail, HasSubstr("more than 1000"));
}

TEST(AssetDocumentTest, MayRepeatThePathsIdButNotChangeIt) {
  Faults faults;

  EXPECT_EQ(ReadAsset(
                {
                    {"type", "t"}
  },
                "", "x1", faults)
                .id,
            "x1");
  EXPECT_EQ(ReadAsset(
                {
                    {"type", "t" },
                    {"id",   "x1"}
  },
                "", "x1", faults)
                .name,
            "x1");
  EXPECT_THAT(faults, IsEmpty());
  ReadAsset(
      {
          {"type", "t" },
          {"id",   "x2"}
  },
      "", "x1", faults);
  EXPECT_THAT(faults, ElementsAre(FaultAt("/id", "not-allowed")));
}

TEST(AssetDocumentTest, MustFitItsType) {
  AssetType type{
      "arm", "arm", {{"site", "string", {}}, {"axes", "number", {}}},
        {{"T", "number", {}}}
  };
  Faults faults;
  const Asset asset = ReadAsset(
      {
          {"id",          "x1"                                              },
          {"type",        "arm"                                             },
          {"attributes",  {{"axes", "six"}, {"stie", "hall 1"}}             },
          {"telemetries", Json::array({{{"name", "T"}, {"type", "number"}}})}
  },
      "/3", std::nullopt, faults);

  CheckAgainstType(asset, type, "/3", faults);

  EXPECT_THAT(faults, UnorderedElementsAre(FaultAt("/3/attributes/axes", "wrong-type"),
                                           FaultAt("/3/attributes/stie", "unknown-attribute"),
                                           FaultAt("/3/telemetries/0/name", "duplicate")));
}

}  // namespace
}  // namespace outrigger::model_api
