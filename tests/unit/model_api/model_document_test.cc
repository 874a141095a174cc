// SPDX-License-Identifier: Apache-2.0
#include "model_api/model_document.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "model_api/deploy_check.h"

namespace outrigger::model_api {
namespace {

ModelRow ActiveModel() {
  ModelRow model;
  model.name = "m";
  model.uid = "u";
  model.version = "1";
  model.generation = 3;
  model.manifest = "{}";
  model.state = "ACTIVE";
  model.deployment = "d1";
  return model;
}

TEST(ModelDocumentTest, SaysUnknownWhileTheCompanionHasNotSpoken) {
  const auto document = ModelDocument(ActiveModel(), std::nullopt);

  EXPECT_EQ(document["status"]["health"]["status"], "UNKNOWN");
  EXPECT_TRUE(document["status"]["health"]["checkedAt"].is_null());
  EXPECT_EQ(document["status"]["conditions"][0]["status"], "False");
  EXPECT_EQ(document["status"]["conditions"][0]["reason"], "NotReported");
}

TEST(ModelDocumentTest, EtagIsOfUidAndGenerationOnly) {
  ModelRow model = ActiveModel();
  const std::string etag = EtagOfModel(model);

  model.state = "RECOVERING";
  EXPECT_EQ(EtagOfModel(model), etag);
  model.generation = 4;
  EXPECT_NE(EtagOfModel(model), etag);
  model.generation = 3;
  model.uid = "of another model with the same name";
  EXPECT_NE(EtagOfModel(model), etag);
}

TEST(DeployPlanTest, TakesWhatTheManifestSaysAndTheDefaultsOfADeployment) {
  manifest::Manifest manifest;
  manifest.model.container = manifest::Container{"team/m", "2", "", std::nullopt};
  manifest.model.env = {
      {"A", "1"}
  };
  manifest.model.replicas = 4;
  manifest.model.resources.memory_bytes = 1 << 20;
  manifest.model.health.tries = 7;
  manifest.trigger.time_window_size = Millis{10'000};
  manifest.trigger.allowed_lateness = Millis{500};

  const auto plan = PlanOf(manifest, 5);

  EXPECT_EQ(plan.start.image.image, "team/m");
  EXPECT_EQ(plan.start.image.tag, "2");
  EXPECT_EQ(plan.start.env.at("A"), "1");
  EXPECT_EQ(plan.start.memory_bytes, 1 << 20);
  EXPECT_EQ(plan.start.cpu_millis, 500);
  EXPECT_EQ(plan.generation, 5);
  EXPECT_EQ(plan.partitions, 4);
  EXPECT_EQ(plan.tries, 7);
  EXPECT_EQ(plan.feed_retention, Millis{86'400'000 + 10'500});
}

}  // namespace
}  // namespace outrigger::model_api
