// SPDX-License-Identifier: Apache-2.0
// What is said of good manifests: warnings, default names, what this build cannot run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "documents.h"

namespace outrigger::manifest {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> Warned(const Json& document) {
  std::vector<std::string> pointers;
  for (const Warning& warning : ParseManifest(document.dump(), Format::kJson).warnings)
    pointers.push_back(warning.pointer + " " + warning.code);
  return pointers;
}

TEST(AWarning, IsOfWhatIsTakenAndNotUsedOrMayChange) {
  EXPECT_THAT(Warned(RealTime()), IsEmpty());
  EXPECT_THAT(Warned(Window()), IsEmpty());
  EXPECT_THAT(Warned(With(RealTime(), "/model/container/tag", "latest")),
              ElementsAre("/model/container/tag mutable-tag"));
  EXPECT_THAT(Warned(Without(RealTime(), "/model/container/tag")),
              ElementsAre("/model/container/tag mutable-tag"));
  Json unused = Window();
  unused["trigger"]["type"] = "REAL_TIME";
  EXPECT_THAT(Warned(unused),
              ElementsAre("/trigger/frequency unused", "/trigger/timeWindowSize unused"));
  EXPECT_THAT(Warned(With(RealTime(), "/model/v2", Json::object())),
              ElementsAre("/model/v2 unused"));
  EXPECT_THAT(Warned(With(RealTime(), "/model/artifact",
                          {
                              {"uri", "file:///m"}
  })),
              ElementsAre("/model/artifact/sha256 no-digest"));
}

TEST(TheDefaultName, IsALabelMadeFromTheImage) {
  const auto name = [](const std::string& image) {
    return DefaultName(Good(With(RealTime(), "/model/container/image", image)));
  };

  EXPECT_EQ(name("temperaturemodel"), "temperaturemodel");
  EXPECT_EQ(name("registry.example.org:5000/team/my_model.v2"), "my-model-v2");
  EXPECT_EQ(name("a__b"), "a-b");
  EXPECT_EQ(name(std::string(200, 'a')), std::string(55, 'a'));
}

TEST(TheDefaultName, OfAnExternalModelIsMadeFromItsHost) {
  Json document = Without(With(RealTime(), "/model/hosted", "external"), "/model/container");

  EXPECT_EQ(
      DefaultName(Good(With(document, "/model/externalUrl", "https://Models.Example.org:8443/v1"))),
      "models-example-org");
  EXPECT_EQ(DefaultName(Good(With(document, "/model/externalUrl", "http://[::1]/"))), "model");
}

TEST(WhatThisBuildCannotRun, IsToldAtDeployWithPointers) {
  EXPECT_THAT(Pointers(Unsupported(Good(RealTime()))), IsEmpty());

  Json document = Window();
  document["model"].update({
      {"type",     "amqp"                },
      {"hosted",   "external"            },
      {"replicas", 2                     },
      {"artifact", {{"uri", "file:///m"}}}
  });
  const auto faults = Unsupported(Good(document));
  EXPECT_THAT(Pointers(faults), ElementsAre("/model/type", "/model/hosted", "/trigger/type",
                                            "/model/replicas", "/model/artifact"));
  for (const Fault& fault : faults) EXPECT_EQ(fault.code, "unsupported");
  EXPECT_THAT(Pointers(Unsupported(Good(With(RealTime(), "/model/async", Json::object())))),
              ElementsAre("/model/async"));
}

}  // namespace
}  // namespace outrigger::manifest
