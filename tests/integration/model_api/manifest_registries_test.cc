// SPDX-License-Identifier: Apache-2.0
// Registries that manifests make or name, and their passwords.
#include "api_fixture.h"

namespace outrigger::model_api {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kPassword = "hunter2-hunter2";

class ManifestRegistriesTest : public ApiFixture {
 protected:
  Json WithRegistry(const std::string& password) {
    Json manifest = ManifestFor("temperaturemodel");
    manifest["model"]["container"]["customRegistry"] = {
        {"registry", "imageregistry.com"},
        {"username", "user"             },
        {"password", password           }
    };
    return manifest;
  }
  // As the saga does.
  void Remove(const std::string& model) {
    ASSERT_EQ(Delete("/models/" + model).status, 202);
    auto claimed = models_->Claim("test", 1, Millis{60'000});
    ASSERT_TRUE(claimed.ok() && claimed->sagas.size() == 1);
    lifecycle::SagaEnd end;
    end.trigger = lifecycle::Trigger::kDone;
    end.reason = "Removed";
    const auto ended = models_->End(claimed->sagas[0].ref, end);
    ASSERT_TRUE(ended.ok()) << ended.error().ToString();
    ASSERT_EQ(Get("/models/" + model).status, 404);
  }
  std::string SealedPassword(const std::string& registry) {
    auto transaction = database_->Begin(TenantId("default"));
    return (*transaction)
        ->Query("SELECT password_sealed FROM container_registry WHERE name = $1", {registry})
        ->at(0)
        .Text(0);
  }
};

TEST_F(ManifestRegistriesTest, ARehearsalChecksAllAndChangesNothing) {
  const Heard rehearsed = Post("/models?dryRun=true", WithRegistry(kPassword));

  EXPECT_EQ(rehearsed.status, 200) << rehearsed.text;
  EXPECT_EQ(rehearsed.body["name"], "temperaturemodel");
  EXPECT_EQ(Count("model"), 0);
  EXPECT_EQ(Count("container_registry"), 0);
  EXPECT_EQ(Post("/models?dryRun=perhaps", ManifestFor("m")).status, 400);
  EXPECT_EQ(Post("/models?dryrun=true", ManifestFor("m")).status, 400);
}

TEST_F(ManifestRegistriesTest, ThePasswordIsSealedUnderTheModelsNameAndShownNowhere) {
  const Heard made = Post("/models", WithRegistry(kPassword));

  ASSERT_EQ(made.status, 201) << made.text;
  EXPECT_EQ(made.body["manifest"]["model"]["container"]["customRegistry"]["password"], "********");
  for (const char* path : {"/models", "/models/temperaturemodel", "/container-registries",
                           "/models/temperaturemodel/state-history"}) {
    EXPECT_THAT(Get(path).text, Not(HasSubstr(kPassword))) << path;
  }
  const auto opened = sealer_->Open(SealedPassword("temperaturemodel"),
                                    "default/container-registry/temperaturemodel");
  ASSERT_TRUE(opened.ok());
  EXPECT_EQ(*opened, kPassword);
  EXPECT_EQ(Delete("/container-registries/temperaturemodel").status, 409);
}

TEST_F(ManifestRegistriesTest, TheMaskLeavesTheStoredPasswordAndNeedsOne) {
  ASSERT_EQ(Post("/models", WithRegistry(kPassword)).status, 201);
  const std::string sealed = SealedPassword("temperaturemodel");

  EXPECT_EQ(Put("/models/temperaturemodel/manifest", WithRegistry("********")).status, 200);
  EXPECT_EQ(SealedPassword("temperaturemodel"), sealed);
  EXPECT_EQ(Put("/models/temperaturemodel/manifest", WithRegistry("another")).status, 200);
  EXPECT_NE(SealedPassword("temperaturemodel"), sealed);
  const Heard refused = Post("/models", WithRegistry("********"));
  EXPECT_EQ(refused.status, 422);
  EXPECT_THAT(refused.Pointers(), ElementsAre("/model/container/customRegistry/password"));
}

TEST_F(ManifestRegistriesTest, TheMaskSendsNoPasswordToAnotherRegistryOrUser) {
  ASSERT_EQ(Post("/models", WithRegistry(kPassword)).status, 201);
  const std::string sealed = SealedPassword("temperaturemodel");

  for (const char* member : {"registry", "username"}) {
    Json manifest = WithRegistry("********");
    manifest["model"]["container"]["customRegistry"][member] = "evil.example";
    const Heard refused = Put("/models/temperaturemodel/manifest", manifest);
    EXPECT_EQ(refused.status, 422) << member;
    EXPECT_THAT(refused.Pointers(), ElementsAre("/model/container/customRegistry/password"));
  }

  EXPECT_EQ(SealedPassword("temperaturemodel"), sealed);
  EXPECT_EQ(Get("/container-registries/temperaturemodel").body["registry"], "imageregistry.com");
}

TEST_F(ManifestRegistriesTest, ARegistryOfSomebodyElseIsNeitherTakenOverNorMasked) {
  ASSERT_EQ(Post("/container-registries",
                 {
                     {"name",     "temperaturemodel"},
                     {"registry", "ours.example"    },
                     {"username", "user"            },
                     {"password", kPassword         }
  })
                .status,
            201);
  const std::string sealed = SealedPassword("temperaturemodel");

  const Heard refused = Post("/models", WithRegistry("another"));
  const Heard masked = Post("/models", WithRegistry("********"));

  EXPECT_EQ(refused.status, 409) << refused.text;
  EXPECT_THAT(refused.Pointers(), ElementsAre("/model/container/customRegistry"));
  EXPECT_THAT(refused.text, HasSubstr("registry temperaturemodel"));
  EXPECT_EQ(masked.status, 422) << masked.text;

  EXPECT_EQ(SealedPassword("temperaturemodel"), sealed);
  EXPECT_EQ(Get("/container-registries/temperaturemodel").body["registry"], "ours.example");
  EXPECT_EQ(Count("model"), 0);
}

TEST_F(ManifestRegistriesTest, ARemovedModelLeavesTheRegistryThatOthersName) {
  ASSERT_EQ(Post("/models", WithRegistry(kPassword)).status, 201);
  Json manifest = ManifestFor("other");
  manifest["model"]["container"]["customRegistry"] = {
      {"name", "temperaturemodel"}
  };
  ASSERT_EQ(Post("/models", manifest).status, 201);

  Remove("temperaturemodel");
  EXPECT_EQ(Get("/container-registries/temperaturemodel").status, 200);
  EXPECT_EQ(Delete("/container-registries/temperaturemodel").status, 409);
  Remove("other");

  EXPECT_EQ(Delete("/container-registries/temperaturemodel").status, 204);
  ASSERT_EQ(Post("/models", WithRegistry(kPassword)).status, 201);
  Remove("temperaturemodel");
  EXPECT_EQ(Count("container_registry"), 0);
}

TEST_F(ManifestRegistriesTest, ANamedRegistryMustBeThere) {
  Json manifest = ManifestFor("m");
  manifest["model"]["container"]["customRegistry"] = {
      {"name", "ours"}
  };

  EXPECT_EQ(Post("/models", manifest).status, 422);
  ASSERT_EQ(Post("/container-registries",
                 {
                     {"name",     "ours"},
                     {"registry", "r"   }
  })
                .status,
            201);
  EXPECT_EQ(Post("/models", manifest).status, 201);
  EXPECT_EQ(Delete("/container-registries/ours").status, 409);
}

}  // namespace
}  // namespace outrigger::model_api
