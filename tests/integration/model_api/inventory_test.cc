// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "api_fixture.h"

namespace outrigger::model_api {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class InventoryTest : public ApiFixture {};

TEST_F(InventoryTest, KeepsATypeAndTellsTheCatalogBeforeItAnswers) {
  const Json type = {
      {"id",          "arm"                                                         },
      {"name",        "Robot arm"                                                   },
      {"attributes",  Json::array()                                                 },
      {"telemetries",
       Json::array({{{"name", "Temperature"}, {"type", "number"}, {"unit", "Cel"}}})}
  };

  const Heard made = Post("/asset-types", type);

  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(made.Header("location"), "/api/v1/asset-types/arm");
  EXPECT_EQ(made.body, type);
  EXPECT_THAT(OutboxKeys("catalog"), ElementsAre("asset-type/default/arm"));
  EXPECT_GT(waited_for_, 0);
  const Heard read = Get("/asset-types/arm");
  EXPECT_EQ(read.body, type);
  EXPECT_EQ(read.Header("etag"), made.Header("etag"));
}

TEST_F(InventoryTest, RefusesABadTypeWithEveryFaultAndKeepsNothing) {
  const Heard refused =
      Post("/asset-types", {
                               {"id",          "a b"                                            },
                               {"nmae",        "x"                                              },
                               {"telemetries", Json::array({{{"name", "T"}, {"type", "float"}}})}
  });

  EXPECT_EQ(refused.status, 422);
  EXPECT_EQ(refused.Header("content-type"), "application/problem+json");
  EXPECT_THAT(refused.Pointers(),
              ::testing::UnorderedElementsAre("/id", "/nmae", "/telemetries/0/type"));
  EXPECT_EQ(Count("asset_type"), 0);
  EXPECT_THAT(OutboxKeys("catalog"), SizeIs(0));
}

TEST_F(InventoryTest, ATakenIdIsAConflictThatChangesNothing) {
  MakeArm("arm", "x1");

  EXPECT_EQ(Post("/asset-types",
                 {
                     {"id", "arm"}
  })
                .status,
            409);
  EXPECT_EQ(Post("/assets",
                 {
                     {"id",   "x1" },
                     {"type", "arm"}
  })
                .status,
            409);

  EXPECT_THAT(Get("/asset-types/arm").body["telemetries"], SizeIs(4));
}

TEST_F(InventoryTest, PutChangesWhatIsThereAndNeverCreates) {
  MakeArm("arm", "x1");
  Json type = Get("/asset-types/arm").body;
  type["name"] = "Arm";
  type["telemetries"].push_back({
      {"name", "Humidity"},
      {"type", "number"  }
  });

  EXPECT_EQ(Put("/asset-types/arm", type).status, 200);
  EXPECT_EQ(Get("/asset-types/arm").body, type);
  EXPECT_EQ(Put("/asset-types/leg", type).status, 404);
  EXPECT_EQ(Put("/assets/x9",
                {
                    {"type", "arm"}
  })
                .status,
            404);
  EXPECT_EQ(Put("/assets/x1",
                {
                    {"type", "arm"  },
                    {"name", "Arm 1"}
  })
                .body["name"],
            "Arm 1");
}

TEST_F(InventoryTest, AChangeOfAnOldVersionIsRefusedAndSaysWhichIsCurrent) {
  MakeArm("arm", "x1");
  const std::string first = Get("/assets/x1").Header("etag");
  const Json change = {
      {"type", "arm"  },
      {"name", "Arm 1"}
  };

  EXPECT_EQ(Put("/assets/x1", change, {.headers = {{"If-Match", first}}}).status, 200);
  const Heard stale = Put("/assets/x1", change, {.headers = {{"If-Match", first}}});

  EXPECT_EQ(stale.status, 412);
  EXPECT_EQ(stale.Header("etag"), Get("/assets/x1").Header("etag"));
  EXPECT_EQ(Delete("/assets/x1", {.headers = {{"If-Match", first}}}).status, 412);
  EXPECT_EQ(Delete("/assets/x1", {.headers = {{"If-Match", stale.Header("etag")}}}).status, 204);
  EXPECT_EQ(Get("/assets/x1").status, 404);
  EXPECT_THAT(OutboxKeys("catalog"), Contains("asset/default/x1").Times(3));
}

TEST_F(InventoryTest, ATypeWithAssetsCannotGo) {
  MakeArm("arm", "x1");

  const Heard refused = Delete("/asset-types/arm");

  EXPECT_EQ(refused.status, 409);
  EXPECT_THAT(refused.text, HasSubstr("x1"));
  EXPECT_EQ(Delete("/assets/x1").status, 204);
  EXPECT_EQ(Delete("/asset-types/arm").status, 204);
}

TEST_F(InventoryTest, MakesTenThousandAssetsInOneRequest) {
  MakeArm("arm", "x1");
  Json assets = Json::array();
  for (int i = 0; i < 10'000; ++i) {
    assets.push_back({
        {"id",   "bulk-" + std::to_string(i)},
        {"type", "arm"                      }
    });
  }

  const Heard made = Post("/assets", assets);

  EXPECT_EQ(made.status, 201) << made.text.substr(0, 300);
  EXPECT_THAT(made.body["items"], SizeIs(10'000));
  EXPECT_EQ(Count("asset"), 10'001);
  EXPECT_THAT(OutboxKeys("catalog"), SizeIs(10'002));
  assets.push_back({
      {"id",   "one-too-many"},
      {"type", "arm"         }
  });
  EXPECT_EQ(Post("/assets", assets).status, 422);
}

TEST_F(InventoryTest, ABulkWithOneFaultMakesNothing) {
  MakeArm("arm", "x1");

  const Heard bad = Post("/assets", Json::array({
                                        {{"id", "a"}, {"type", "arm"}},
                                        {{"id", "b"}, {"type", "leg"}},
                                        {{"id", "a"}, {"type", "arm"}, {"attributes", {{"k", 1}}}},
  }));
  const Heard taken =
      Post("/assets", Json::array({
                          {{"id", "a"},  {"type", "arm"}},
                          {{"id", "x1"}, {"type", "arm"}}
  }));

  EXPECT_EQ(bad.status, 422);
  EXPECT_THAT(bad.Pointers(),
              ::testing::UnorderedElementsAre("/1/type", "/2/id", "/2/attributes/k"));
  EXPECT_EQ(taken.status, 409);
  EXPECT_THAT(taken.Pointers(), ElementsAre("/1/id"));
  EXPECT_EQ(Count("asset"), 1);
}

TEST_F(InventoryTest, ListsInPagesAndByType) {
  MakeArm("arm", "x1");
  MakeArm("leg", "y1");
  EXPECT_EQ(Post("/assets", Json::array({
                                {{"id", "x2"}, {"type", "arm"}},
                                {{"id", "x3"}, {"type", "arm"}}
  }))
                .status,
            201);

  const Heard first = Get("/assets?type=arm&limit=2");
  const Heard second =
      Get("/assets?type=arm&limit=2&continue=" + first.body["continue"].get<std::string>());

  ASSERT_THAT(first.body["items"], SizeIs(2));
  EXPECT_EQ(first.body["items"][1]["id"], "x2");
  ASSERT_THAT(second.body["items"], SizeIs(1));
  EXPECT_EQ(second.body["items"][0]["id"], "x3");
  EXPECT_FALSE(second.body.contains("continue"));
  EXPECT_EQ(Get("/assets?limit=many").status, 400);
}

TEST_F(InventoryTest, APageOfLargeAssetsEndsEarlyAndLeadsOn) {
  MakeArm("arm", "a-first");
  testing::PostgresServer::Shared().Execute(
      uri_,
      "INSERT INTO asset (tenant, id, name, type, attributes) SELECT 'default', 'b' || "
      "lpad(n::text, 3, '0'), 'n', 'arm', jsonb_build_object('note', repeat('x', 900000)) "
      "FROM generate_series(1, 60) n");

  std::vector<std::string> seen;
  int pages = 0;
  std::string after;
  do {
    const Heard page = Get("/assets?limit=1000&continue=" + after);
    ASSERT_EQ(page.status, 200);
    EXPECT_LT(page.text.size(), 16u << 20);
    for (const Json& item : page.body["items"]) seen.push_back(item["id"]);
    after = page.body.value("continue", "");
    ++pages;
  } while (!after.empty() && pages < 100);

  EXPECT_THAT(seen, SizeIs(61));
  EXPECT_TRUE(std::ranges::is_sorted(seen));
  EXPECT_GT(pages, 1);
}

TEST_F(InventoryTest, AnAssetOfAListIsNoLargerThanADocument) {
  MakeArm("arm", "x1");

  const Heard refused =
      Post("/assets",
           Json::array({
               {{"id", "a"}, {"type", "arm"}},
               {{"id", "b"}, {"type", "arm"}, {"attributes", {{"k", std::string(1 << 20, 'x')}}}},
  }));

  EXPECT_EQ(refused.status, 422);
  EXPECT_THAT(refused.Pointers(), ElementsAre("/1"));
  EXPECT_EQ(refused.body["errors"][0]["code"], "too-large");
  EXPECT_EQ(Count("asset"), 1);
}

TEST_F(InventoryTest, ManyFaultsAreToldUpToABound) {
  MakeArm("arm", "x1");
  Json assets = Json::array();
  for (int i = 0; i < 3'000; ++i)
    assets.push_back({
        {"id",   "a"  },
        {"type", "leg"}
    });

  const Heard refused = Post("/assets", assets);

  EXPECT_EQ(refused.status, 422);
  ASSERT_THAT(refused.body["errors"], SizeIs(1'001));
  EXPECT_EQ(refused.body["errors"][1'000]["code"], "too-many-faults");
}

TEST_F(InventoryTest, NumbersAreAnsweredAsTheyWillBeRead) {
  ASSERT_EQ(Post("/asset-types",
                 {
                     {"id",         "arm"                                                                                },
                     {"attributes", Json::array({{{"name", "n"}, {"type", "number"}},
                                                 {{"name", "m"}, {"type", "number"}}})}
  })
                .status,
            201);
  const std::string body = R"({"id": "x1", "type": "arm", "attributes": {"n": 1e16, "m": -0.0}})";

  const Heard made = Call("POST", "/assets", body);
  const Heard read = Get("/assets/x1");
  const Heard put =
      Call("PUT", "/assets/x1", body, {.headers = {{"If-Match", made.Header("etag")}}});
  const Heard list = Call("POST", "/assets", "[" + std::string(body).replace(8, 2, "x2") + "]");

  EXPECT_EQ(made.text, read.text);
  EXPECT_EQ(made.Header("etag"), read.Header("etag"));
  ASSERT_EQ(put.status, 200) << put.text;
  EXPECT_EQ(put.text, read.text);
  EXPECT_EQ(put.Header("etag"), read.Header("etag"));
  ASSERT_EQ(list.status, 201) << list.text;
  EXPECT_EQ(list.body["items"][0].dump(), Get("/assets/x2").text);
}

TEST_F(InventoryTest, AMisspeltQueryParameterOfAChangeIsRefused) {
  EXPECT_EQ(Post("/asset-types?dryRun=true",
                 {
                     {"id", "arm"}
  })
                .status,
            400);
  EXPECT_EQ(Count("asset_type"), 0);
}

TEST_F(InventoryTest, WhatKafkaHasNotTakenIsSaidToBeStored) {
  relay_gone_ = true;

  const Heard answer = Post("/asset-types", {
                                                {"id", "arm"}
  });

  EXPECT_EQ(answer.status, 503);
  EXPECT_THAT(answer.text, HasSubstr("stored"));
  EXPECT_EQ(Get("/asset-types/arm").status, 200);
}

TEST_F(InventoryTest, AMappedTelemetryOfATypeCannotChange) {
  MakeArm("arm", "x1");
  ASSERT_EQ(Post("/models", ManifestFor("m")).status, 201);
  ASSERT_EQ(Put("/models/m/mappings", MappingTo("assetType", "arm")).status, 200);
  Json type = Get("/asset-types/arm").body;
  type["telemetries"][0]["unit"] = "Cel";

  const Heard refused = Put("/asset-types/arm", type);

  EXPECT_EQ(refused.status, 409);
  EXPECT_THAT(refused.text, HasSubstr("Temperature"));
  EXPECT_EQ(Delete("/assets/x1").status, 204);
  EXPECT_EQ(Delete("/asset-types/arm").status, 409);
}

TEST_F(InventoryTest, AnAssetThatAMappingNamesCannotGoNorLoseItsTelemetry) {
  MakeArm("arm", "x1");
  ASSERT_EQ(Post("/asset-types",
                 {
                     {"id", "bare"}
  })
                .status,
            201);
  ASSERT_EQ(Post("/models", ManifestFor("m")).status, 201);
  ASSERT_EQ(Put("/models/m/mappings", MappingTo("asset", "x1")).status, 200);

  EXPECT_EQ(Delete("/assets/x1").status, 409);
  EXPECT_EQ(Put("/assets/x1",
                {
                    {"type", "bare"}
  })
                .status,
            409);
  EXPECT_EQ(Get("/assets/x1").body["type"], "arm");
}

TEST_F(InventoryTest, AnAssetCannotTakeATypeWhereAnotherModelWritesItsOutput) {
  MakeArm("arm", "x1");
  MakeArm("leg", "y1");
  ASSERT_EQ(Post("/models", ManifestFor("one")).status, 201);
  ASSERT_EQ(Post("/models", ManifestFor("two")).status, 201);
  ASSERT_EQ(Put("/models/one/mappings", MappingTo("asset", "y1")).status, 200);
  ASSERT_EQ(Put("/models/two/mappings", MappingTo("assetType", "arm")).status, 200);

  const Heard refused = Put("/assets/y1", {
                                              {"type", "arm"}
  });

  EXPECT_EQ(refused.status, 409);
  EXPECT_THAT(refused.text, HasSubstr("writer-conflict"));
  EXPECT_EQ(Get("/assets/y1").body["type"], "leg");
}

TEST_F(InventoryTest, RegistriesAreSealedAndNeverShown) {
  const Heard made = Post("/container-registries", {
                                                       {"name",     "ours"                 },
                                                       {"registry", "registry.example:5000"},
                                                       {"username", "user"                 },
                                                       {"password", "hunter2-hunter2"      }
  });

  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(made.body["password"], "********");
  for (const char* path : {"/container-registries", "/container-registries/ours"}) {
    EXPECT_THAT(Get(path).text, ::testing::Not(HasSubstr("hunter2"))) << path;
  }
  EXPECT_EQ(Post("/container-registries",
                 {
                     {"name",     "ours"},
                     {"registry", "r"   }
  })
                .status,
            409);
  EXPECT_EQ(Post("/container-registries",
                 {
                     {"name",     "more"    },
                     {"registry", "r"       },
                     {"password", "********"}
  })
                .status,
            422);
  EXPECT_EQ(Delete("/container-registries/ours").status, 204);
  EXPECT_EQ(Delete("/container-registries/ours").status, 404);
}

}  // namespace
}  // namespace outrigger::model_api
