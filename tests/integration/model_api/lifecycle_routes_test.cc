// SPDX-License-Identifier: Apache-2.0
#include <thread>

#include "api_fixture.h"

namespace outrigger::model_api {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class LifecycleRoutesTest : public ApiFixture {
 protected:
  void MakeMapped(const std::string& model) {
    MakeArm("arm", "x1");
    ASSERT_EQ(Post("/models", ManifestFor(model)).status, 201);
    ASSERT_EQ(Put("/models/" + model + "/mappings", MappingTo("assetType", "arm")).status, 200);
  }
};

TEST_F(LifecycleRoutesTest, DeployStartsAnOperationAndAskedAgainNamesTheSameOne) {
  MakeMapped("m");

  const Heard started = Post("/models/m/deploy", nullptr);
  const Heard again = Post("/models/m/deploy", Json::object());

  ASSERT_EQ(started.status, 202) << started.text;
  const std::string operation = started.body["operation"];
  EXPECT_EQ(started.Header("location"), "/api/v1/operations/" + operation);
  EXPECT_EQ(again.body, started.body);
  const Heard read = Get("/operations/" + operation);
  EXPECT_THAT(read.Header("etag"), ::testing::MatchesRegex("\"[^\"]+\""));
  EXPECT_EQ(read.body["id"], operation);
  EXPECT_EQ(read.body["kind"], "deploy");
  EXPECT_EQ(read.body["model"], "m");
  EXPECT_EQ(read.body["status"], "RUNNING");
  EXPECT_GT(read.body["steps"].size(), 5u);
  EXPECT_EQ(Get("/models/m").body["status"]["state"], "DEPLOYING");
  EXPECT_THAT(Get("/models/m/state-history").body["items"], SizeIs(2));
}

TEST_F(LifecycleRoutesTest, AModelWithoutMappingsIsNotDeployed) {
  ASSERT_EQ(Post("/models", ManifestFor("m")).status, 201);

  const Heard refused = Post("/models/m/deploy", nullptr);

  EXPECT_EQ(refused.status, 422);
  EXPECT_THAT(refused.Pointers(), ElementsAre("/mappings"));
  EXPECT_EQ(Get("/models/m").body["status"]["state"], "DRAFT");
}

TEST_F(LifecycleRoutesTest, WhatThisBuildCannotRunIsStoredButNotDeployed) {
  MakeArm("arm", "x1");
  Json manifest = ManifestFor("m");
  manifest["trigger"] = {
      {"type",           "TIME_WINDOW"},
      {"frequency",      5000         },
      {"timeWindowSize", 10000        }
  };
  ASSERT_EQ(Post("/models", manifest).status, 201);
  ASSERT_EQ(Put("/models/m/mappings", MappingTo("assetType", "arm")).status, 200);

  const Heard refused = Post("/models/m/deploy", nullptr);

  EXPECT_EQ(refused.status, 422);
  EXPECT_EQ(refused.body["errors"][0]["code"], "unsupported");
  EXPECT_THAT(refused.Pointers(), ElementsAre("/trigger/type"));
  EXPECT_EQ(Count("saga"), 0);
}

TEST_F(LifecycleRoutesTest, TheGraphRefusesBeforeTheBodyIsLookedAt) {
  MakeMapped("m");

  for (const char* action : {"withdraw", "halt", "resume"}) {
    const Heard refused =
        Call("POST", std::string("/models/m/") + action, "nonsense", {.type = "text/plain"});
    EXPECT_EQ(refused.status, 409) << action;
    EXPECT_THAT(refused.text, HasSubstr("DRAFT")) << action;
    EXPECT_THAT(refused.text, HasSubstr("deploy")) << action;
  }
  EXPECT_EQ(Call("POST", "/models/m/deploy", "nonsense", {.type = "text/plain"}).status, 415);
  EXPECT_EQ(Post("/models/m/deploy",
                 {
                     {"fast", true}
  })
                .status,
            422);
  EXPECT_EQ(Count("saga"), 0);
}

TEST_F(LifecycleRoutesTest, HaltAndResumeAreNotBuiltWhereTheyWouldBeLegal) {
  MakeMapped("m");
  ForceState("m", "ACTIVE", "d1");
  EXPECT_EQ(Post("/models/m/halt", nullptr).status, 501);
  EXPECT_EQ(Post("/models/m/resume", nullptr).status, 409);
  ForceState("m", "HALTED", "d1");
  EXPECT_EQ(Post("/models/m/resume", nullptr).status, 501);
  EXPECT_EQ(Get("/models/m").body["status"]["state"], "HALTED");
}

TEST_F(LifecycleRoutesTest, RemovesFromDraftOnly) {
  MakeMapped("m");
  const std::string etag = Get("/models/m").Header("etag");

  EXPECT_EQ(Delete("/models/m", {.headers = {{"If-Match", "\"old\""}}}).status, 412);
  const Heard removed = Delete("/models/m", {.headers = {{"If-Match", etag}}});

  ASSERT_EQ(removed.status, 202) << removed.text;
  EXPECT_EQ(Get("/operations/" + removed.body["operation"].get<std::string>()).body["kind"],
            "remove");
  EXPECT_EQ(Post("/models/m/deploy", nullptr).status, 409);
}

TEST_F(LifecycleRoutesTest, ManyAtOnceGetOneOperation) {
  MakeMapped("m");
  std::mutex mutex;
  std::set<std::string> operations;
  std::vector<std::jthread> askers;

  for (int i = 0; i < 8; ++i) {
    askers.emplace_back([&] {
      const Heard started = Post("/models/m/deploy", nullptr);
      const std::lock_guard lock(mutex);
      operations.insert(started.body.value("operation", started.text));
    });
  }
  askers.clear();

  EXPECT_THAT(operations, SizeIs(1));
}

TEST_F(LifecycleRoutesTest, TheSameKeyGetsTheSameAnswerEvenWhenTheStateMovedOn) {
  MakeMapped("m");
  const Said keyed{.headers = {{"Idempotency-Key", "k1"}}};
  const Heard started = Post("/models/m/deploy", nullptr, keyed);
  ASSERT_EQ(started.status, 202);
  ForceState("m", "ACTIVE", "d1");

  const Heard again = Post("/models/m/deploy", nullptr, keyed);

  EXPECT_EQ(again.status, 202);
  EXPECT_EQ(again.body, started.body);
  EXPECT_EQ(again.Header("location"), started.Header("location"));
  EXPECT_EQ(Post("/models/m/deploy", nullptr).status, 409);
  EXPECT_EQ(Post("/models/m/withdraw", nullptr, keyed).status, 422);
}

}  // namespace
}  // namespace outrigger::model_api
