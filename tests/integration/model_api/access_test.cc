// SPDX-License-Identifier: Apache-2.0
// Who may do what, and that tenants do not meet.
#include <set>
#include <thread>

#include "api_fixture.h"
#include "model_api/idempotency_store.h"
#include "model_api/openapi.h"
#include "model_api/route_table.h"

namespace outrigger::model_api {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

class AccessTest : public ApiFixture {};

std::string Filled(std::string_view pattern) {
  std::string path;
  for (std::size_t i = std::string_view("/api/v1").size(); i < pattern.size(); ++i) {
    if (pattern[i] != '{') {
      path += pattern[i];
      continue;
    }
    path += "nothing-there";
    i = pattern.find('}', i);
  }
  return path;
}

TEST_F(AccessTest, EveryRouteButTheOpenOneNeedsAToken) {
  for (const ApiRoute& route : RouteTable()) {
    const Heard answer =
        Call(std::string(route.method), Filled(route.pattern), "", {.token = "unknown"});
    EXPECT_EQ(answer.status, route.open ? 200 : 401) << route.method << " " << route.pattern;
    EXPECT_EQ(answer.Header("www-authenticate").empty(), route.open) << route.pattern;
  }
}

TEST_F(AccessTest, EveryRouteRefusesTheRoleBelowItsOwn) {
  std::map<Role, std::string> tokens;
  for (const std::string_view name : kRoleNames) {
    const Role role = *http::ParseRole(name);
    tokens[role] = MakeToken("default", std::string(name), std::string(name));
  }

  for (const ApiRoute& route : RouteTable()) {
    if (route.open) continue;
    const std::string path = Filled(route.pattern);
    const Heard allowed = Call(std::string(route.method), path, "", {.token = tokens[route.role]});
    EXPECT_NE(allowed.status, 403) << route.method << " " << route.pattern;
    EXPECT_NE(allowed.status, 401) << route.method << " " << route.pattern;
    EXPECT_LT(allowed.status, 500) << route.method << " " << route.pattern << allowed.text;
    if (route.role == Role::kViewer) continue;
    const auto below = static_cast<Role>(static_cast<int>(route.role) - 1);
    const Heard refused = Call(std::string(route.method), path, "", {.token = tokens[below]});
    EXPECT_EQ(refused.status, 403) << route.method << " " << route.pattern;
  }
}

TEST_F(AccessTest, AnotherTenantsObjectsAnswerByteForByteAsMissingOnes) {
  MakeArm("arm", "x1");
  ASSERT_EQ(Post("/models", ManifestFor("m")).status, 201);
  ASSERT_EQ(Put("/models/m/mappings", MappingTo("asset", "x1")).status, 200);
  ASSERT_EQ(Post("/container-registries",
                 {
                     {"name",     "ours"},
                     {"registry", "r"   }
  })
                .status,
            201);
  const std::string operation = Post("/models/m/deploy", nullptr).body["operation"];
  const Said stranger{.token = MakeTenant("stranger", "admin")};
  const std::vector<std::pair<std::string, std::string>> paths = {
      {"GET",    "/asset-types/arm"          },
      {"PUT",    "/asset-types/arm"          },
      {"DELETE", "/asset-types/arm"          },
      {"GET",    "/assets/x1"                },
      {"PUT",    "/assets/x1"                },
      {"DELETE", "/assets/x1"                },
      {"GET",    "/models/m"                 },
      {"PUT",    "/models/m/manifest"        },
      {"PUT",    "/models/m/mappings"        },
      {"POST",   "/models/m/deploy"          },
      {"DELETE", "/models/m"                 },
      {"GET",    "/models/m/state-history"   },
      {"GET",    "/models/m/health-history"  },
      {"GET",    "/models/m/logs"            },
      {"GET",    "/models/m/dead-letters"    },
      {"DELETE", "/container-registries/ours"},
      {"GET",    "/operations/" + operation  },
      {"GET",    "/tenants/default/tokens"   },
      {"POST",   "/tenants/default/tokens"   }
  };

  for (const auto& [method, path] : paths) {
    const std::string missing = path.starts_with("/tenants") ? "/tenants/no-such/tokens"
                                : path.starts_with("/operations")
                                    ? "/operations/no-such"
                                    : path.substr(0, path.find('/', 1)) + "/no-such" +
                                          (path.starts_with("/models/m/") ? path.substr(9) : "");
    const Heard foreign = Call(method, path, "", stranger);
    const Heard absent = Call(method, missing, "", stranger);
    EXPECT_EQ(foreign.status, 404) << method << " " << path;
    EXPECT_EQ(foreign.text, absent.text) << method << " " << path;
  }
  for (const char* list : {"/asset-types", "/assets", "/models", "/container-registries"}) {
    EXPECT_THAT(Get(list, stranger).body["items"], SizeIs(0)) << list;
  }
  EXPECT_EQ(Get("/models/m").status, 200);
}

TEST_F(AccessTest, TenantsMayUseTheSameIdsAndNames) {
  MakeArm("arm", "x1");
  const Said other{.token = MakeTenant("other", "operator")};

  EXPECT_EQ(Post("/asset-types",
                 {
                     {"id", "arm"}
  },
                 other)
                .status,
            201);
  EXPECT_EQ(Post("/assets",
                 {
                     {"id",   "x1" },
                     {"type", "arm"}
  },
                 other)
                .status,
            201);
  EXPECT_EQ(Post("/models", ManifestFor("m"), other).body["name"], "m");
  EXPECT_EQ(Post("/models", ManifestFor("m")).body["name"], "m");
  EXPECT_THAT(OutboxKeys("catalog"), Contains("asset/other/x1"));
}

TEST_F(AccessTest, ATenantHasItsTopicsBeforeItIsAnswered) {
  kafka_.gone = true;
  EXPECT_EQ(Post("/tenants",
                 {
                     {"id", "acme"}
  })
                .status,
            503);
  EXPECT_THAT(Get("/tenants").body["items"], SizeIs(1));
  kafka_.gone = false;

  EXPECT_EQ(Post("/tenants",
                 {
                     {"id", "acme"}
  })
                .status,
            201);

  const auto topics = kafka_.Topics(Millis{1});
  EXPECT_TRUE(topics->contains("journal.acme"));
  EXPECT_THAT(Get("/tenants").body["items"], SizeIs(2));
  EXPECT_EQ(Post("/tenants",
                 {
                     {"id", "acme"}
  })
                .status,
            409);
  EXPECT_EQ(Post("/tenants",
                 {
                     {"id", "Acme Corp"}
  })
                .status,
            422);
}

TEST_F(AccessTest, ATokenIsShownOnceAndWorksUntilItIsRevoked) {
  const Heard made =
      Post("/tenants/default/tokens",
           {
               {"name",    "t"                   },
               {"role",    "viewer"              },
               {"expires", "2999-01-01T00:00:00Z"}
  });
  ASSERT_EQ(made.status, 201) << made.text;
  const std::string token = made.body["token"];

  EXPECT_EQ(Get("/models", {.token = token}).status, 200);
  EXPECT_THAT(Get("/tenants/default/tokens").text, Not(HasSubstr(token)));
  EXPECT_EQ(Post("/tenants/default/tokens",
                 {
                     {"name", "t"     },
                     {"role", "viewer"}
  })
                .status,
            409);
  EXPECT_EQ(Delete("/tenants/default/tokens/t").status, 204);
  EXPECT_EQ(Get("/models", {.token = token}).status, 401);
  EXPECT_EQ(Delete("/tenants/default/tokens/t").status, 404);
  EXPECT_THAT(OutboxKeys("credentials"), Contains(http::TokenKey(token)).Times(2));
}

TEST_F(AccessTest, AnExpiredTokenIsUnknown) {
  const std::string token = MakeToken("default", "old", "viewer");
  testing::PostgresServer::Shared().Execute(
      uri_, "UPDATE api_token SET expires_at = clock_timestamp() WHERE name = 'old'");

  EXPECT_EQ(Get("/models", {.token = token}).status, 401);
  EXPECT_EQ(Post("/tenants/default/tokens",
                 {
                     {"name",    "past"                },
                     {"role",    "viewer"              },
                     {"expires", "2001-01-01T00:00:00Z"}
  })
                .status,
            422);
}

TEST_F(AccessTest, AnAdminHandlesTokensOfHisTenantButGrantsNoPlatformAdmin) {
  const Said admin{.token = MakeTenant("acme", "admin")};

  EXPECT_EQ(Post("/tenants/acme/tokens",
                 {
                     {"name", "v"     },
                     {"role", "viewer"}
  },
                 admin)
                .status,
            201);
  EXPECT_EQ(Post("/tenants/acme/tokens",
                 {
                     {"name", "p"             },
                     {"role", "platform-admin"}
  },
                 admin)
                .status,
            403);
  EXPECT_EQ(Get("/tenants/acme/tokens", admin).body["items"].size(), 2u);
  EXPECT_EQ(Get("/tenants", admin).status, 403);
  const std::string high = MakeToken("acme", "high", "platform-admin");
  EXPECT_EQ(Delete("/tenants/acme/tokens/high", admin).status, 403);
  EXPECT_EQ(Get("/tenants", {.token = high}).status, 200);
}

TEST_F(AccessTest, TheSameKeyAndBodyGetTheSameAnswerAndOneEffect) {
  const Said keyed{.headers = {{"Idempotency-Key", "order-66"}}};

  const Heard first = Post("/models", ManifestFor("m"), keyed);
  const Heard second = Post("/models", ManifestFor("m"), keyed);
  const Heard other = Post("/models", ManifestFor("n"), keyed);

  EXPECT_EQ(first.status, 201);
  EXPECT_EQ(second.status, 201);
  EXPECT_EQ(second.text, first.text);
  EXPECT_EQ(second.Header("location"), first.Header("location"));
  EXPECT_EQ(other.status, 422);
  EXPECT_THAT(other.text, HasSubstr("idempotency-reused"));
  EXPECT_EQ(Count("model"), 1);
  const Said stranger{.headers = keyed.headers, .token = MakeTenant("stranger", "admin")};
  EXPECT_EQ(Post("/models", ManifestFor("n"), stranger).status, 201);
}

TEST_F(AccessTest, AKeyWhoseRequestStillRunsIsAConflict) {
  auto running = database_->Begin(TenantId("default"));
  ASSERT_TRUE(running.ok());
  ASSERT_TRUE(*TryLockKey(**running, TenantId("default"), "k"));

  const Heard refused = Post("/models", ManifestFor("m"), {.headers = {{"Idempotency-Key", "k"}}});

  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(Count("model"), 0);
}

TEST_F(AccessTest, ARefusedRequestLeavesItsKeyFree) {
  const Said keyed{.headers = {{"Idempotency-Key", "k"}}};

  EXPECT_EQ(Post("/asset-types",
                 {
                     {"id", "a b"}
  },
                 keyed)
                .status,
            422);
  EXPECT_EQ(Post("/asset-types",
                 {
                     {"id", "ab"}
  },
                 keyed)
                .status,
            201);
  EXPECT_EQ(Post("/asset-types",
                 {
                     {"id", "x"}
  },
                 {.headers = {{"Idempotency-Key", "a b"}}})
                .status,
            400);
}

TEST_F(AccessTest, OpenApiNamesEveryRouteAndNoOther) {
  const auto routes = MakeRouter(*api_).routes();
  const Json document = Get("/openapi.json").body;

  std::set<std::pair<std::string, std::string>> served;
  for (auto [method, pattern] : routes) {
    std::ranges::transform(method, method.begin(), [](char c) { return std::tolower(c); });
    served.emplace(method, pattern);
  }
  std::set<std::pair<std::string, std::string>> told;
  std::set<std::string> ids;
  for (const auto& [path, operations] : document["paths"].items()) {
    for (const auto& [method, operation] : operations.items()) {
      told.emplace(method, path);
      EXPECT_TRUE(ids.insert(operation["operationId"]).second) << operation["operationId"];
    }
  }
  EXPECT_EQ(document["openapi"], "3.1.0");
  EXPECT_EQ(told, served);
}

TEST_F(AccessTest, OpenApiRefersToSchemasThatAreThere) {
  const Json document = Json::parse(OpenApiText());
  const Json& schemas = document["components"]["schemas"];
  const auto check = [&](auto&& self, const Json& node) -> void {
    if (node.is_object() && node.contains("$ref")) {
      const std::string name = node["$ref"].get<std::string>().substr(21);
      EXPECT_TRUE(schemas.contains(name)) << name;
    }
    for (const Json& child : node) {
      if (child.is_structured()) self(self, child);
    }
  };

  check(check, document);
}

TEST_F(AccessTest, WithoutPostgresTheAnswerIsToTryAgain) {
  testing::PostgresServer::Shared().Stop();
  const Heard gone = Get("/models");
  testing::PostgresServer::Shared().Start();

  EXPECT_EQ(gone.status, 503);
  EXPECT_NE(gone.Header("retry-after"), "");
}

}  // namespace
}  // namespace outrigger::model_api
