// SPDX-License-Identifier: Apache-2.0
// Cycles and second writers among the models of a tenant.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "documents.h"
#include "outrigger/manifest/mapping.h"

namespace outrigger::manifest {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct End {
  std::string owner;  // an asset, or "*TYPE"
  std::string telemetry;
};

class Flow : public ::testing::Test {
 protected:
  // A mapping that reads and writes these, kept for the test.
  const Mapping* Make(const std::vector<std::pair<std::vector<End>, std::vector<End>>>& groups) {
    Mapping& mapping = mappings_.emplace_back();
    for (const auto& [inputs, outputs] : groups) {
      Group& group = mapping.groups.emplace_back();
      group.pointer = "/groups/" + std::to_string(mapping.groups.size() - 1);
      Fill(inputs, group.pointer + "/inputs/i", "i", mapping, group.inputs);
      Fill(outputs, group.pointer + "/outputs/o", "o", mapping, group.outputs);
    }
    return &mapping;
  }
  const Mapping* Make(const End& input, const End& output) {
    return Make({
        {{input}, {output}}
    });
  }

  std::vector<std::string> Check(const Mapping* candidate) {
    faults_ = CheckFlow({"new", candidate}, others_, types_);
    std::vector<std::string> told;
    for (const Fault& fault : faults_) told.push_back(fault.pointer + " " + fault.code);
    return told;
  }

  std::vector<MappedModel> others_;
  TypeOfAsset types_;
  std::vector<Fault> faults_;

 private:
  static void Fill(const std::vector<End>& ends, const std::string& pointer,
                   const std::string& name, Mapping& mapping, Sides& sides) {
    for (const End& end : ends) {
      const std::string index = std::to_string(sides.size());
      Side& side = sides[name + index];
      side.pointer = pointer + index;
      side.telemetry = end.telemetry;
      if (end.owner.starts_with('*'))
        mapping.asset_type = side.asset_type = end.owner.substr(1);
      else
        side.asset = end.owner;
    }
  }

  std::deque<Mapping> mappings_;
};

TEST_F(Flow, LetsChainsAndDiamondsBe) {
  others_ = {
      {"a", Make({"x", "T"}, {"x", "A"})},
      {"b", Make({"x", "T"}, {"x", "B"})}
  };

  EXPECT_THAT(Check(Make({
                  {{{"x", "A"}, {"x", "B"}}, {{"x", "C"}}}
  })),
              IsEmpty());
}

TEST_F(Flow, FindsAModelThatReadsWhatItWrites) {
  EXPECT_THAT(Check(Make({"x", "T"}, {"x", "T"})), ElementsAre("/groups/0/outputs/o0 cycle"));
  EXPECT_THAT(faults_[0].detail, HasSubstr("among the inputs it is made from"));
  EXPECT_THAT(Check(Make({"*R", "T"}, {"*R", "T"})), ElementsAre("/groups/0/outputs/o0 cycle"));
}

TEST_F(Flow, FindsACycleThroughAnotherModelAndNamesIt) {
  others_ = {
      {"bystander", Make({"x", "S"}, {"x", "Q"})},
      {"forward",   Make({"x", "T"}, {"x", "S"})}
  };

  EXPECT_THAT(Check(Make({"x", "S"}, {"x", "T"})), ElementsAre("/groups/0/outputs/o0 cycle"));
  EXPECT_THAT(faults_[0].detail, HasSubstr("\"forward\""));
}

TEST_F(Flow, FindsALongCycle) {
  for (int i = 0; i < 1000; ++i)
    others_.push_back({"m" + std::to_string(i),
                       Make({"x", "T" + std::to_string(i)}, {"x", "T" + std::to_string(i + 1)})});

  EXPECT_THAT(Check(Make({"x", "T1000"}, {"x", "U"})), IsEmpty());
  EXPECT_THAT(Check(Make({"x", "T1000"}, {"x", "T0"})), ElementsAre("/groups/0/outputs/o0 cycle"));
}

TEST_F(Flow, KeepsTheAssetsOfGroupsApart) {
  others_ = {
      {"a", Make({"x", "T"}, {"x", "S"})}
  };

  EXPECT_THAT(Check(Make({"y", "S"}, {"y", "T"})), IsEmpty());
  EXPECT_THAT(Check(Make({
                  {{{"y", "S"}}, {{"x", "U"}}},
                  {{{"x", "S"}}, {{"y", "T"}}}
  })),
              IsEmpty());
}

TEST_F(Flow, FindsACycleBetweenATypeAndOneOfItsAssets) {
  types_ = {
      {"x", "R"},
      {"z", "Q"}
  };
  others_ = {
      {"by-type", Make({"*R", "T"}, {"*R", "S"})}
  };

  EXPECT_THAT(Check(Make({"x", "S"}, {"x", "T"})), ElementsAre("/groups/0/outputs/o0 cycle"));
  EXPECT_THAT(faults_[0].detail, HasSubstr("\"by-type\""));
  EXPECT_THAT(Check(Make({"z", "S"}, {"z", "T"})), IsEmpty());
}

TEST_F(Flow, FindsACycleThatATypeClosesOverTwoAssets) {
  types_ = {
      {"x", "R"},
      {"y", "R"}
  };
  others_ = {
      {"cross", Make({{{{"x", "S"}}, {{"y", "T"}}}, {{{"y", "S"}}, {{"x", "T"}}}})}
  };

  EXPECT_THAT(Check(Make({"*R", "T"}, {"*R", "S"})), ElementsAre("/groups/0/outputs/o0 cycle"));
}

TEST_F(Flow, FindsASecondWriterAndNamesTheFirst) {
  others_ = {
      {"first", Make({"x", "T"}, {"x", "S"})}
  };

  EXPECT_THAT(Check(Make({"x", "U"}, {"x", "S"})), ElementsAre("/groups/0/outputs/o0 two-writers"));
  EXPECT_THAT(faults_[0].detail, HasSubstr("the model \"first\""));
  EXPECT_THAT(Check(Make({"x", "U"}, {"y", "S"})), IsEmpty());
}

TEST_F(Flow, FindsASecondWriterBetweenATypeAndOneOfItsAssets) {
  types_ = {
      {"x", "R"}
  };
  others_ = {
      {"first", Make({"x", "T"}, {"x", "S"})}
  };
  EXPECT_THAT(Check(Make({"*R", "U"}, {"*R", "S"})),
              ElementsAre("/groups/0/outputs/o0 two-writers"));

  others_ = {
      {"first", Make({"*R", "T"}, {"*R", "S"})}
  };
  EXPECT_THAT(Check(Make({"x", "U"}, {"x", "S"})), ElementsAre("/groups/0/outputs/o0 two-writers"));
  EXPECT_THAT(Check(Make({"*R", "U"}, {"*R", "S"})),
              ElementsAre("/groups/0/outputs/o0 two-writers"));
}

TEST_F(Flow, FindsTwoOutputsOfOneModelOnOneTelemetry) {
  EXPECT_THAT(Check(Make({
                  {{{"x", "T"}}, {{"x", "S"}, {"x", "S"}}}
  })),
              ElementsAre("/groups/0/outputs/o1 two-writers"));
  EXPECT_THAT(faults_[0].detail, HasSubstr("another output of this model"));
}

TEST_F(Flow, FindsWhatAChangeOfAnAssetsTypeWouldClose) {
  const std::vector<MappedModel> models = {
      {"by-type",  Make({"*R", "T"}, {"*R", "S"})},
      {"by-asset", Make({"x", "S"},  {"x", "T"}) }
  };

  EXPECT_EQ(FindFlowFault(models,
                          {
                              {"x", "Q"}
  }),
            std::nullopt);
  const auto fault = FindFlowFault(models, {
                                               {"x", "R"}
  });
  ASSERT_TRUE(fault.has_value());
  EXPECT_EQ(fault->code, "cycle");
  EXPECT_THAT(fault->detail, HasSubstr("by-type"));
  EXPECT_THAT(fault->detail, HasSubstr("by-asset"));
}

}  // namespace
}  // namespace outrigger::manifest
