// SPDX-License-Identifier: Apache-2.0
#include "outrigger/manifest/mapping.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "documents.h"

namespace outrigger::manifest {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class FakeDefinitions final : public DefinitionSource {
 public:
  FakeDefinitions() {
    types_["robot-arm"].telemetries = {
        {"Temperature",   {TelemetryType::kNumber, "Cel"}},
        {"Pressure",      {TelemetryType::kNumber, ""}   },
        {"Running",       {TelemetryType::kBoolean, ""}  },
        {"Anomaly Score", {TelemetryType::kNumber, "%"}  },
        {"Warning Level", {TelemetryType::kString, ""}   }
    };
    for (const char* asset : {"x1", "x2", "y1"})
      assets_[asset] = {"robot-arm", types_["robot-arm"].telemetries};
    assets_["x1"].telemetries["Extra"] = {TelemetryType::kNumber, "K"};
  }

  Result<std::map<std::string, AssetDefinition>> Assets(const std::set<std::string>& ids) override {
    if (fail) return Error(ErrorCode::kUnavailable, "the store is gone");
    std::map<std::string, AssetDefinition> found;
    for (const std::string& id : ids) {
      if (assets_.contains(id)) found[id] = assets_[id];
    }
    return found;
  }
  Result<std::map<std::string, TypeDefinition>> Types(const std::set<std::string>& ids) override {
    std::map<std::string, TypeDefinition> found;
    for (const std::string& id : ids) {
      if (types_.contains(id)) found[id] = types_[id];
    }
    return found;
  }

  bool fail = false;

 private:
  std::map<std::string, AssetDefinition> assets_;
  std::map<std::string, TypeDefinition> types_;
};

Json OfAsset(const std::string& asset, const std::string& telemetry) {
  return {
      {"asset",     asset    },
      {"telemetry", telemetry}
  };
}
Json OfType(const std::string& telemetry) {
  return {
      {"assetType", "robot-arm"},
      {"telemetry", telemetry  }
  };
}

Json Group(const std::string& asset) {
  return {
      {"inputs",  {{"temperature", OfAsset(asset, "Temperature")}}},
      {"outputs",
       {{"anomalyScore", OfAsset(asset, "Anomaly Score")},
        {"warningLevel", OfAsset(asset, "Warning Level")}}        }
  };
}

Json ByType() {
  return {
      {"inputs",  {{"temperature", OfType("Temperature")}}                                   },
      {"outputs",
       {{"anomalyScore", OfType("Anomaly Score")}, {"warningLevel", OfType("Warning Level")}}}
  };
}

Json Groups(const std::vector<std::string>& assets) {
  Json groups = Json::array();
  for (const std::string& asset : assets) groups.push_back(Group(asset));
  return {
      {"groups", groups}
  };
}

Manifest Model(const Json& document = RealTime()) {
  return ParseManifest(document.dump(), Format::kJson).manifest.value();
}

// Every fault of structure and of what is named.
std::vector<Fault> AllFaults(const std::string& body, const Manifest& model = Model()) {
  FakeDefinitions definitions;
  MappingOutcome outcome = ParseMapping(body, model);
  std::vector<Fault> faults = outcome.faults;
  const auto named = CheckMapping(outcome.mapping, model, definitions).value();
  faults.insert(faults.end(), named.begin(), named.end());
  const auto flow = CheckFlow({"m", &outcome.mapping}, {}, {});
  faults.insert(faults.end(), flow.begin(), flow.end());
  return faults;
}

struct BadMember {
  std::string label;
  Json document;
  std::string pointer;
  std::string code;
};
void PrintTo(const BadMember& bad, std::ostream* out) { *out << bad.label; }

BadMember Bad(const Json& base, const std::string& pointer, Json value, const std::string& code,
              const std::string& at = {}) {
  const std::string label = pointer + " is " + value.dump().substr(0, 60);
  return {label, With(base, pointer, std::move(value)), at.empty() ? pointer : at, code};
}
BadMember Gone(const Json& base, const std::string& pointer, const std::string& code,
               const std::string& at = {}) {
  return {pointer + " left out", Without(base, pointer), at.empty() ? pointer : at, code};
}

class BadMapping : public ::testing::TestWithParam<BadMember> {};

TEST_P(BadMapping, IsRefusedAtItsMember) {
  const BadMember& bad = GetParam();

  const auto faults = AllFaults(bad.document.dump());

  EXPECT_NE(FindFault(faults, bad.pointer, bad.code), nullptr)
      << ::testing::PrintToString(Pointers(faults)) << " "
      << (faults.empty() ? "" : faults[0].code + ": " + faults[0].detail);
}

INSTANTIATE_TEST_SUITE_P(
    OfStructure, BadMapping,
    ::testing::ValuesIn(std::vector<BadMember>{
        Gone(Group("x1"), "/inputs", "missing"),
        Gone(Group("x1"), "/outputs", "missing"),
        Gone(Group("x1"), "/inputs/temperature", "missing"),
        Gone(Group("x1"), "/outputs/anomalyScore", "missing"),
        Gone(Group("x1"), "/inputs/temperature/telemetry", "missing"),
        Gone(Group("x1"), "/inputs/temperature/asset", "combination", "/inputs/temperature"),
        Bad(Group("x1"), "/inputs/temperature/assetType", "robot-arm", "combination",
            "/inputs/temperature"),
        Bad(Group("x1"), "/inputs", Json::array(), "type"),
        Bad(Group("x1"), "/inputs", nullptr, "type"),
        Bad(Group("x1"), "/inputs/temperature", "Temperature", "type"),
        Bad(Group("x1"), "/inputs/temperature/asset", 5, "type"),
        Bad(Group("x1"), "/inputs/temperature/asset", "", "format"),
        Bad(Group("x1"), "/inputs/temperature/asset", "../x", "format"),
        Bad(Group("x1"), "/outputs/anomalyScore/telemetry", 5, "type"),
        Bad(Group("x1"), "/outputs/anomalyScore/telemetry", "a/b", "format"),
        Bad(Group("x1"), "/outputs/anomalyScore/unit", "K", "unknown-field"),
        Bad(Group("x1"), "/inputs/bogus", OfAsset("x1", "Temperature"), "unknown-field"),
        Bad(Group("x1"), "/outputs/bogus", OfAsset("x1", "Anomaly Score"), "unknown-field"),
        Bad(Group("x1"), "/bogus", 1, "unknown-field"),
        Bad(Group("x1"), "/subject", 5, "type"),
        Bad(Group("x1"), "/subject", "a b", "format"),
        Bad(Group("x1"), "/subject", "nobody", "not-found"),
        Bad(ByType(), "/subject", "x1", "combination"),
        Bad(ByType(), "/inputs/temperature", OfAsset("x1", "Temperature"), "mixed-forms",
            "/outputs/anomalyScore"),
        Bad(Group("x1"), "/outputs/anomalyScore", OfType("Anomaly Score"), "mixed-forms",
            "/outputs/anomalyScore"),
        Bad(ByType(), "/outputs/warningLevel/assetType", "other", "mixed-forms",
            "/outputs/warningLevel"),
        Bad(Json::object(), "/groups", Group("x1"), "type"),
        Bad(Json::object(), "/groups", Json::array(), "count"),
        Bad(Json::object(), "/groups", Json::array({5}), "type", "/groups/0"),
        Bad(Groups({"x1"}), "/inputs", Json::object(), "mixed-forms"),
        Bad(Groups({"x1"}), "/bogus", 1, "unknown-field"),
        Bad(Groups({"x1"}), "/groups/0/bogus", 1, "unknown-field"),
        Bad(Groups({"x1", "x2"}), "/groups/1", ByType(), "mixed-forms",
            "/groups/1/outputs/anomalyScore"),
        Bad(Groups({"x1", "x2"}), "/groups/1/subject", "x1", "duplicate"),
        Bad(Groups({"x1"}), "/groups/1", Group("x1"), "duplicate"),
        Bad(Groups({"x1"}), "/groups/0/outputs/warningLevel/asset", "x2", "missing",
            "/groups/0/subject"),
        Gone(Groups({"x1", "x2"}), "/groups/1/inputs/temperature", "missing"),
    }));

INSTANTIATE_TEST_SUITE_P(
    OfWhatIsNamed, BadMapping,
    ::testing::ValuesIn(std::vector<BadMember>{
        Bad(Group("x1"), "/inputs/temperature/asset", "no-such-asset", "not-found"),
        Bad(Group("x1"), "/inputs/temperature/telemetry", "No Such", "not-found"),
        Bad(Group("x2"), "/inputs/temperature/telemetry", "Extra", "not-found"),
        Bad(Group("x1"), "/inputs/temperature/telemetry", "Warning Level", "telemetry-type"),
        Bad(Group("x1"), "/outputs/anomalyScore/telemetry", "Warning Level", "telemetry-type"),
        Bad(Group("x1"), "/outputs/warningLevel/telemetry", "Pressure", "telemetry-type"),
        Bad(Group("x1"), "/outputs/warningLevel/telemetry", "Running", "telemetry-type"),
        Bad(Groups({"x1",                          "x2"                        }
        ), "/groups/1/outputs/anomalyScore/telemetry", "Running",
            "telemetry-type"),
        Bad(Group("x1"), "/inputs/temperature",
            {{"assetType", "no-such-type"}, {"telemetry", "Temperature"}},
        "not-found",
            "/inputs/temperature/assetType"),
        Bad(ByType(), "/inputs/temperature/telemetry", "Extra", "not-found"),
        Bad(ByType(), "/outputs/anomalyScore/telemetry", "No Such", "not-found"),
        Bad(Group("x1"), "/outputs/anomalyScore/telemetry", "Temperature", "cycle",
            "/outputs/anomalyScore"),
        Bad(ByType(), "/outputs/anomalyScore/telemetry", "Temperature", "cycle",
            "/outputs/anomalyScore"),
        Bad(Groups({"y1",                          "x1"                        }
        ), "/groups/1/outputs/anomalyScore/telemetry", "Temperature",
            "cycle", "/groups/1/outputs/anomalyScore"),
}));

class NoMapping : public ::testing::TestWithParam<const char*> {};

TEST_P(NoMapping, IsRefused) {
  const MappingOutcome outcome = ParseMapping(std::string_view(GetParam()), Model());

  EXPECT_FALSE(outcome.ok());
  EXPECT_THAT(outcome.mapping.groups, IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(OfStrangers, NoMapping,
                         ::testing::Values("", "null", "[]", "5", "{",
                                           "{\"inputs\": {}, \"inputs\": {}}", "{\"groups\": {}}",
                                           "{\"groups\": []}", "\xFF"));

TEST(AMapping, ByTypeHasOneGroupWithoutSubject) {
  const MappingOutcome outcome = ParseMapping(ByType(), Model());

  ASSERT_TRUE(outcome.ok());
  EXPECT_TRUE(outcome.mapping.by_type());
  EXPECT_EQ(outcome.mapping.asset_type, "robot-arm");
  ASSERT_EQ(outcome.mapping.groups.size(), 1u);
  EXPECT_EQ(outcome.mapping.groups[0].subject, "");
  EXPECT_EQ(outcome.mapping.groups[0].inputs.at("temperature").telemetry, "Temperature");
  EXPECT_THAT(outcome.mapping.Assets(), IsEmpty());
  EXPECT_EQ(*outcome.document, ByType());
}

TEST(AMapping, ByAssetsDefaultsItsSubjectToTheOneAssetOfItsOutputs) {
  Json document = Group("x1");
  document["inputs"]["temperature"]["asset"] = "y1";

  const MappingOutcome outcome = ParseMapping(document.dump(), Model());

  ASSERT_TRUE(outcome.ok());
  EXPECT_FALSE(outcome.mapping.by_type());
  EXPECT_EQ(outcome.mapping.groups[0].subject, "x1");
  EXPECT_THAT(outcome.mapping.Assets(), UnorderedElementsAre("x1", "y1"));
}

TEST(AMapping, MayNameASubjectAmongSeveralAssetsOfItsOutputs) {
  Json document = Groups({"x1", "x2"});
  document["groups"][0]["outputs"]["warningLevel"]["asset"] = "y1";
  document["groups"][0]["subject"] = "y1";

  EXPECT_THAT(Pointers(AllFaults(document.dump())), IsEmpty());
}

TEST(AMapping, TellsFaultsOfEveryKindAtOnce) {
  Json document = Groups({"x1", "x2"});
  document["groups"][0]["inputs"]["temperature"]["asset"] = "nobody";
  document["groups"][0]["bogus"] = 1;
  document["groups"][1]["outputs"].erase("anomalyScore");
  document["groups"][1]["outputs"]["warningLevel"]["telemetry"] = "Pressure";

  EXPECT_THAT(Pointers(AllFaults(document.dump())),
              UnorderedElementsAre("/groups/0/bogus", "/groups/0/inputs/temperature/asset",
                                   "/groups/1/outputs/anomalyScore",
                                   "/groups/1/outputs/warningLevel/telemetry"));
}

TEST(AMapping, GivesHintsForNames) {
  const auto telemetry =
      AllFaults(With(Group("x1"), "/inputs/temperature/telemetry", "Temprature").dump());
  const auto column =
      AllFaults(With(Group("x1"), "/inputs/temprature", OfAsset("x1", "Temperature")).dump());

  EXPECT_THAT(telemetry.at(0).detail, HasSubstr("Did you mean \"Temperature\"?"));
  EXPECT_THAT(column.at(0).detail, HasSubstr("Did you mean \"temperature\"?"));
}

TEST(AMapping, HandsOnWhatKeepsItsSourceFromAnswering) {
  FakeDefinitions definitions;
  definitions.fail = true;
  MappingOutcome outcome = ParseMapping(Group("x1"), Model());

  const auto checked = CheckMapping(outcome.mapping, Model(), definitions);

  ASSERT_FALSE(checked.ok());
  EXPECT_EQ(checked.error().code(), ErrorCode::kUnavailable);
}

TEST(AMapping, MayHaveTenThousandGroups) {
  Json groups = Json::array();
  for (int i = 0; i <= 10'000; ++i) groups.push_back(Group("a" + std::to_string(i)));
  Json document = {
      {"groups", groups}
  };
  EXPECT_THAT(Pointers(ParseMapping(document, Model()).faults), ElementsAre("/groups"));
  document["groups"].erase(0);

  const MappingOutcome outcome = ParseMapping(document, Model());

  EXPECT_TRUE(outcome.ok());
  EXPECT_THAT(CheckFlow({"m", &outcome.mapping}, {}, {}), IsEmpty());
}

TEST(AnInput, ReadsTextFromAnyTelemetryAndNumbersFromNumbersAndBooleans) {
  const Json text = With(RealTime(), "/inputs/0/readAsString", true);

  for (const char* telemetry : {"Temperature", "Running", "Warning Level"}) {
    Json document = With(Group("x1"), "/inputs/temperature/telemetry", telemetry);
    document["outputs"]["warningLevel"]["asset"] = "x2";
    document["subject"] = "x1";
    EXPECT_THAT(Pointers(AllFaults(document.dump(), Model(text))), IsEmpty()) << telemetry;
  }
  EXPECT_THAT(
      Pointers(AllFaults(With(Group("x1"), "/inputs/temperature/telemetry", "Running").dump())),
      IsEmpty());
}

TEST(AUnit, IsConvertedFromTheTelemetryToTheInputAndFromTheOutputToTheTelemetry) {
  FakeDefinitions definitions;
  Json document = With(RealTime(), "/inputs/0/unit", "[degF]");
  document["outputs"][0]["unit"] = "1";
  const Manifest model = Model(document);
  MappingOutcome outcome = ParseMapping(ByType(), model);

  ASSERT_THAT(Pointers(CheckMapping(outcome.mapping, model, definitions).value()), IsEmpty());

  const Side& input = outcome.mapping.groups[0].inputs.at("temperature");
  EXPECT_NEAR(input.conversion.Apply(100), 212, 1e-12);
  const Side& output = outcome.mapping.groups[0].outputs.at("anomalyScore");
  EXPECT_NEAR(output.conversion.Apply(0.5), 50, 1e-12);
  EXPECT_EQ(outcome.mapping.groups[0].outputs.at("warningLevel").type, TelemetryType::kString);
}

TEST(AUnit, ThatDoesNotConvertIsRefused) {
  const auto with_unit = [](const char* unit) {
    return Model(With(RealTime(), "/inputs/0/unit", unit));
  };

  EXPECT_NE(FindFault(AllFaults(ByType().dump(), with_unit("kPa")), "/inputs/temperature/telemetry",
                      "unit"),
            nullptr);
  for (const char* telemetry : {"Pressure", "Running"}) {
    const Json document = With(ByType(), "/inputs/temperature/telemetry", telemetry);
    EXPECT_NE(FindFault(AllFaults(document.dump(), with_unit("kPa")),
                        "/inputs/temperature/telemetry", "unit"),
              nullptr)
        << telemetry;
  }
  EXPECT_THAT(Pointers(AllFaults(ByType().dump(), with_unit("Cel"))), IsEmpty());
}

}  // namespace
}  // namespace outrigger::manifest
