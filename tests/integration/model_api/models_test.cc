// SPDX-License-Identifier: Apache-2.0
#include "api_fixture.h"

namespace outrigger::model_api {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

class ModelsTest : public ApiFixture {};

TEST_F(ModelsTest, ASubmittedModelIsInDraftUnderANameMadeFromItsImage) {
  const Heard made = Post("/models", ManifestFor("registry.example/team/temperaturemodel"));

  ASSERT_EQ(made.status, 201) << made.text;
  EXPECT_EQ(made.Header("location"), "/api/v1/models/temperaturemodel");
  EXPECT_EQ(made.body["name"], "temperaturemodel");
  EXPECT_EQ(made.body["version"], "1");
  EXPECT_EQ(made.body["generation"], 1);
  EXPECT_TRUE(made.body["mappings"].is_null());
  EXPECT_EQ(made.body["status"]["state"], "DRAFT");
  EXPECT_EQ(made.body["status"]["reason"], "Submitted");
  EXPECT_TRUE(made.body["status"]["deployment"].is_null());
  const Heard history = Get("/models/temperaturemodel/state-history");
  ASSERT_THAT(history.body["items"], SizeIs(1));
  EXPECT_TRUE(history.body["items"][0]["from"].is_null());
  EXPECT_EQ(history.body["items"][0]["to"], "DRAFT");
  EXPECT_EQ(history.body["items"][0]["actor"], "bootstrap");
  EXPECT_THAT(OutboxKeys("model-events"), ElementsAre("default/temperaturemodel"));
}

TEST_F(ModelsTest, EachModelOfOneImageGetsANameOfItsOwn) {
  std::set<std::string> names;
  for (int i = 0; i < 4; ++i) names.insert(Post("/models", ManifestFor("m")).body["name"]);

  EXPECT_THAT(names, SizeIs(4));
  for (const std::string& name : names) EXPECT_THAT(name, StartsWith("m"));
}

TEST_F(ModelsTest, ATakenNameOfItsOwnIsAConflict) {
  EXPECT_EQ(Post("/models", ManifestFor("m", "mine")).status, 201);
  const Heard taken = Post("/models", ManifestFor("m", "mine"));
  EXPECT_EQ(taken.status, 409);
  EXPECT_THAT(taken.Pointers(), ElementsAre("/name"));
}

TEST_F(ModelsTest, TakesJsonWithCommentsAndYamlBareAndWrapped) {
  const std::string bare = ManifestFor("m").dump();
  const std::string yaml =
      "model: {type: http, scoreEndpoint: /score, healthCheckEndpoint: /health, hosted: internal,\n"
      "  container: {image: m, tag: '1'}}\n"
      "trigger: {type: REAL_TIME}\n"
      "inputs: [{dataColumnName: temperature}]\noutputs: [{dataColumnName: score}]\n";

  const Heard wrapped = Call("POST", "/models", "{ // all of it\n \"manifest\": " + bare + "}");
  const Heard from_yaml = Call("POST", "/models", yaml, {.type = "application/yaml"});

  ASSERT_EQ(wrapped.status, 201) << wrapped.text;
  ASSERT_EQ(from_yaml.status, 201) << from_yaml.text;
  EXPECT_EQ(wrapped.body["manifest"]["model"], from_yaml.body["manifest"]["model"]);
}

TEST_F(ModelsTest, BadManifestsAreRefusedWithEveryFaultAndLeaveNothing) {
  Json bad = ManifestFor("m");
  bad["inptus"] = Json::array();
  bad["trigger"]["type"] = "HOURLY";
  bad["version"] = 5;

  const Heard refused = Post("/models", bad);

  EXPECT_EQ(refused.status, 422);
  EXPECT_THAT(refused.Pointers(),
              ::testing::IsSupersetOf({"/inptus", "/trigger/type", "/version"}));
  EXPECT_THAT(refused.text, HasSubstr("inputs"));
  EXPECT_EQ(Call("POST", "/models", "{\"model\": ").status, 400);
  EXPECT_EQ(Call("POST", "/models", "{}", {.type = "text/plain"}).status, 415);
  EXPECT_EQ(Call("POST", "/models", std::string(kDocumentBytes + 1, ' ')).status, 413);
  EXPECT_EQ(
      Call("POST", "/models", ManifestFor("m").dump(), {.headers = {{"Content-Encoding", "gzip"}}})
          .status,
      415);
  EXPECT_EQ(Count("model"), 0);
  EXPECT_EQ(Count("container_registry"), 0);
}

TEST_F(ModelsTest, MapsByTypeAndShowsWhatWasSubmitted) {
  MakeArm("arm", "x1");
  ASSERT_EQ(Post("/models", ManifestFor("m")).status, 201);
  const Json mapping = MappingTo("assetType", "arm");

  const Heard mapped = Put("/models/m/mappings", mapping);

  ASSERT_EQ(mapped.status, 200) << mapped.text;
  EXPECT_EQ(mapped.body["mappings"], mapping);
  EXPECT_EQ(mapped.body["generation"], 2);
  EXPECT_EQ(mapped.body["status"]["assets"], 1);
  EXPECT_EQ(Count("asset_type_mapping"), 2);
}

TEST_F(ModelsTest, MapsByAssetsWithOneSubjectEach) {
  MakeArm("arm", "x1");
  ASSERT_EQ(Post("/assets",
                 {
                     {"id",   "x2" },
                     {"type", "arm"}
  })
                .status,
            201);
  ASSERT_EQ(Post("/models", ManifestFor("m")).status, 201);

  const Heard mapped =
      Put("/models/m/mappings",
          {
              {"groups", Json::array({MappingTo("asset", "x1"), MappingTo("asset", "x2")})}
  });

  ASSERT_EQ(mapped.status, 200) << mapped.text;
  EXPECT_EQ(mapped.body["status"]["assets"], 2);
  EXPECT_EQ(Count("model_mapping"), 4);
}

TEST_F(ModelsTest, BadMappingsPointToTheSideAndKeepTheOldOne) {
  MakeArm("arm", "x1");
  ASSERT_EQ(Post("/models", ManifestFor("m")).status, 201);
  const Json good = MappingTo("asset", "x1");
  ASSERT_EQ(Put("/models/m/mappings", good).status, 200);
  Json bad = good;
  bad["inputs"]["temperature"]["telemetry"] = "No Such";
  bad["outputs"]["score"]["telemetry"] = "Level";

  const Heard refused = Put("/models/m/mappings", bad);

  EXPECT_EQ(refused.status, 422);
  EXPECT_THAT(refused.Pointers(), SizeIs(2));
  EXPECT_THAT(refused.Pointers(), Contains(StartsWith("/inputs/temperature")));
  EXPECT_THAT(refused.Pointers(), Contains(StartsWith("/outputs/score")));
  EXPECT_EQ(
      Put("/models/m/mappings", MappingTo("asset", "x1", "Temperature", "Temperature")).status,
      422);
  EXPECT_EQ(Get("/models/m").body["mappings"], good);
  EXPECT_EQ(Get("/models/m").body["generation"], 2);
}

TEST_F(ModelsTest, TwoModelsMayNeitherWriteOneTelemetryNorFeedEachOther) {
  MakeArm("arm", "x1");
  ASSERT_EQ(Post("/models", ManifestFor("one")).status, 201);
  ASSERT_EQ(Post("/models", ManifestFor("two")).status, 201);
  ASSERT_EQ(Put("/models/one/mappings", MappingTo("assetType", "arm")).status, 200);

  const Heard second = Put("/models/two/mappings", MappingTo("asset", "x1"));
  const Heard cycle = Put("/models/two/mappings", MappingTo("asset", "x1", "Score", "Temperature"));
  const Heard fine = Put("/models/two/mappings", MappingTo("asset", "x1", "Score", "Speed"));

  EXPECT_EQ(second.status, 422);
  EXPECT_THAT(second.text, HasSubstr("one"));
  EXPECT_THAT(second.Pointers(), Contains(StartsWith("/outputs/score")));
  EXPECT_EQ(cycle.status, 422);
  EXPECT_EQ(fine.status, 200) << fine.text;
}

TEST_F(ModelsTest, ARehearsedMappingIsCheckedAndNotKept) {
  MakeArm("arm", "x1");
  ASSERT_EQ(Post("/models", ManifestFor("m")).status, 201);

  const Heard rehearsed = Put("/models/m/mappings?dryRun=true", MappingTo("assetType", "arm"));

  EXPECT_EQ(rehearsed.status, 200) << rehearsed.text;
  EXPECT_EQ(rehearsed.body["mappings"], MappingTo("assetType", "arm"));
  EXPECT_TRUE(Get("/models/m").body["mappings"].is_null());
  EXPECT_EQ(Count("asset_type_mapping"), 0);
}

TEST_F(ModelsTest, ANewManifestIsTheNextGenerationAndKeepsAMappingThatFits) {
  MakeArm("arm", "x1");
  ASSERT_EQ(Post("/models", ManifestFor("m")).status, 201);
  ASSERT_EQ(Put("/models/m/mappings", MappingTo("assetType", "arm")).status, 200);
  const std::string etag = Get("/models/m").Header("etag");
  Json manifest = ManifestFor("m");
  manifest["version"] = "2";

  const Heard changed = Put("/models/m/manifest", manifest, {.headers = {{"If-Match", etag}}});
  ASSERT_EQ(changed.status, 200) << changed.text;
  EXPECT_EQ(changed.body["version"], "2");
  EXPECT_EQ(changed.body["generation"], 3);
  EXPECT_FALSE(changed.body["mappings"].is_null());
  EXPECT_EQ(Put("/models/m/manifest", manifest, {.headers = {{"If-Match", etag}}}).status, 412);

  manifest["outputs"][0]["dataColumnName"] = "other";
  const Heard dropped = Put("/models/m/manifest", manifest);
  ASSERT_EQ(dropped.status, 200) << dropped.text;
  EXPECT_TRUE(dropped.body["mappings"].is_null());
  EXPECT_THAT(dropped.text, HasSubstr("mappings-dropped"));
  EXPECT_EQ(Count("asset_type_mapping"), 0);
}

TEST_F(ModelsTest, WhatIsNotInDraftIsNotEdited) {
  MakeArm("arm", "x1");
  ASSERT_EQ(Post("/models", ManifestFor("m")).status, 201);
  ForceState("m", "ACTIVE", "d1");

  for (const Heard& refused :
       {Call("PUT", "/models/m/manifest", "no document", {.type = "text/plain"}),
        Put("/models/m/mappings", MappingTo("asset", "x1")), Delete("/models/m")}) {
    EXPECT_EQ(refused.status, 409);
    EXPECT_THAT(refused.text, HasSubstr("ACTIVE"));
    EXPECT_THAT(refused.text, HasSubstr("withdraw"));
  }
  EXPECT_EQ(Get("/models/m").body["generation"], 1);
}

TEST_F(ModelsTest, TheStatusIsWhatItsCompanionSaid) {
  ASSERT_EQ(Post("/models", ManifestFor("m")).status, 201);
  const std::string etag = Get("/models/m").Header("etag");
  ForceState("m", "ACTIVE", "d1");
  lifecycle::CompanionStatus word;
  word.phase = lifecycle::CompanionPhase::kRunning;
  word.current = true;
  word.health = "HEALTHY";
  word.health_at = 1'700'000'000'000;
  word.lag = 7;
  companions_.status = word;

  const Heard read = Get("/models/m");

  const Json& status = read.body["status"];
  EXPECT_EQ(status["deployment"], "d1");
  EXPECT_EQ(status["lag"], 7);
  EXPECT_EQ(status["health"]["status"], "HEALTHY");
  EXPECT_EQ(status["health"]["checkedAt"], "2023-11-14T22:13:20.000Z");
  EXPECT_EQ(status["conditions"][0]["type"], "CompanionReady");
  EXPECT_EQ(status["conditions"][0]["status"], "True");
  EXPECT_EQ(read.Header("etag"), etag);
}

TEST_F(ModelsTest, ListsByState) {
  ASSERT_EQ(Post("/models", ManifestFor("m", "one")).status, 201);
  ASSERT_EQ(Post("/models", ManifestFor("m", "two")).status, 201);
  ForceState("two", "ACTIVE");

  EXPECT_THAT(Get("/models").body["items"], SizeIs(2));
  const Json active = Get("/models?state=ACTIVE").body["items"];
  ASSERT_THAT(active, SizeIs(1));
  EXPECT_EQ(active[0]["name"], "two");
  EXPECT_EQ(Get("/models?state=SLEEPING").status, 400);
}

TEST_F(ModelsTest, APageOfLargeDeadLettersEndsEarlyAndLeadsOn) {
  ASSERT_EQ(Post("/models", ManifestFor("m")).status, 201);
  testing::PostgresServer::Shared().Execute(
      uri_,
      "INSERT INTO dead_letter (tenant, id, model, deployment, cause, source, record, time) "
      "SELECT 'default', 'id' || n, 'm', 'd', 'too-large', 't:0:1', repeat('x', 7000000), "
      "to_timestamp(1000 + n) FROM generate_series(1, 3) n");

  const Heard first = Get("/models/m/dead-letters?limit=1000");
  ASSERT_THAT(first.body["items"], SizeIs(2));
  const Heard rest = Get("/models/m/dead-letters?limit=1000&continue=" +
                         first.body["continue"].get<std::string>());

  EXPECT_EQ(first.body["items"][0]["id"], "id3");
  ASSERT_THAT(rest.body["items"], SizeIs(1));
  EXPECT_EQ(rest.body["items"][0]["id"], "id1");
  EXPECT_FALSE(rest.body.contains("continue"));
}

TEST_F(ModelsTest, AModelWithManyOutputsIsRemovedPieceByPiece) {
  ASSERT_EQ(Post("/models", ManifestFor("m")).status, 201);
  testing::PostgresServer::Shared().Execute(
      uri_,
      "INSERT INTO model_output (tenant, model, asset_id, time, identity, values, deployment) "
      "SELECT 'default', 'm', 'x1', n, 'i' || n, '{}', 'd' FROM generate_series(1, 101000) n");
  ASSERT_EQ(Delete("/models/m").status, 202);
  const auto claimed = models_->Claim("test", 1, Millis{60'000});
  ASSERT_TRUE(claimed.ok() && claimed->sagas.size() == 1);

  const auto first = models_->Purge(claimed->sagas[0].ref);
  const auto second = models_->Purge(claimed->sagas[0].ref);

  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_FALSE(*first);
  EXPECT_TRUE(*second);
  EXPECT_EQ(Count("model_output"), 0);
}

TEST_F(ModelsTest, DeadLettersAreListedNewestFirstAndLogsByLine) {
  ASSERT_EQ(Post("/models", ManifestFor("m")).status, 201);
  for (int i = 0; i < 3; ++i) {
    testing::PostgresServer::Shared().Execute(
        uri_,
        "INSERT INTO dead_letter (tenant, id, model, deployment, cause, source, record, time) "
        "VALUES ('default', 'id" +
            std::to_string(i) + "', 'm', 'd', 'bad-reply', 't:0:1', '{\"a\": 1}', to_timestamp(" +
            std::to_string(1000 + i) + "))");
  }
  engine_.logs = "one\ntwo\n";

  const Heard first = Get("/models/m/dead-letters?limit=2");
  const Heard rest =
      Get("/models/m/dead-letters?limit=2&continue=" + first.body["continue"].get<std::string>());

  ASSERT_THAT(first.body["items"], SizeIs(2));
  EXPECT_EQ(first.body["items"][0]["id"], "id2");
  EXPECT_EQ(first.body["items"][0]["record"], (Json{
                                                  {"a", 1}
  }));
  ASSERT_THAT(rest.body["items"], SizeIs(1));
  EXPECT_EQ(rest.body["items"][0]["id"], "id0");
  EXPECT_EQ(Post("/models/m/dead-letters/replay",
                 {
                     {"all", true}
  })
                .status,
            409);
  EXPECT_EQ(Get("/models/m/logs").body["lines"], Json::array());
  ForceState("m", "ACTIVE", "d1");
  EXPECT_EQ(Get("/models/m/logs?tail=2").body["lines"], Json::array({"one", "two"}));
  EXPECT_EQ(Get("/models/m/logs?tail=all").status, 400);
}

}  // namespace
}  // namespace outrigger::model_api
