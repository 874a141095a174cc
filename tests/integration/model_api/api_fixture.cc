// SPDX-License-Identifier: Apache-2.0
#include "api_fixture.h"

#include "model_api/preparation.h"
#include "outrigger/base/text.h"

namespace outrigger::model_api {

Result<> FakeKafkaAdmin::CreateTopics(std::span<const messaging::TopicSpec> topics, Millis) {
  if (gone) return Error(ErrorCode::kUnavailable, "no broker answers");
  const std::lock_guard lock(mutex_);
  for (const auto& topic : topics) topics_[topic.name] = topic.partitions;
  return {};
}

Result<std::map<std::string, int>> FakeKafkaAdmin::Topics(Millis) {
  const std::lock_guard lock(mutex_);
  return topics_;
}

Result<std::map<int, std::int64_t>> FakeKafkaAdmin::EndOffsets(const std::string&, Millis) {
  return std::map<int, std::int64_t>{};
}
Result<std::map<int, std::int64_t>> FakeKafkaAdmin::CommittedOffsets(const std::string&,
                                                                     const std::string&, Millis) {
  return std::map<int, std::int64_t>{};
}
Result<std::map<int, std::int64_t>> FakeKafkaAdmin::OffsetsAt(const std::string&, ArrivalTime,
                                                              Millis) {
  return std::map<int, std::int64_t>{};
}

std::string Heard::Header(std::string_view lower_name) const {
  for (const auto& [name, value] : headers) {
    if (name == lower_name) return value;
  }
  return "";
}

std::vector<std::string> Heard::Pointers() const {
  std::vector<std::string> pointers;
  if (!body.is_object()) return pointers;
  for (const Json& error : body.value("errors", Json::array())) {
    pointers.push_back(error.value("pointer", "none"));
  }
  return pointers;
}

void ApiFixture::SetUp() {
  OR_NEEDS_POSTGRES();
  uri_ = testing::PostgresServer::Shared().MigratedDatabase();
  const auto open = [&](store::Access access) {
    return store::Database::Open({.uri = uri_, .access = access, .connections = 8});
  };
  database_ = open(store::Access::kApplication);
  sagas_ = open(store::Access::kApplication);
  worker_ = open(store::Access::kWorker);
  sealer_ = std::make_unique<store::Sealer>(*store::Sealer::FromHexKey(std::string(64, 'a')));
  models_ = std::make_unique<store::PostgresLifecycle>(*sagas_, *worker_);
  lifecycle_ = std::make_unique<lifecycle::Lifecycle>(*models_, [] {});
  const auto bootstrapped = Bootstrap(*database_, Secret(admin_token_));
  ASSERT_TRUE(bootstrapped.ok()) << bootstrapped.error().ToString();
  api_ = std::make_unique<Api>(Api{*database_, *sealer_, kafka_, *lifecycle_, companions_, engine_,
                                   SystemClock(),
                                   [this](std::int64_t id, Millis) -> Result<> {
                                     waited_for_ = id;
                                     if (!relay_gone_) return {};
                                     return Error(ErrorCode::kTimeout, "not published");
                                   },
                                   [] { return true; }, "salt"});
  auto server = http::Server::Start({.body_bytes = kBulkBytes}, MakeRouter(*api_), &metrics_);
  ASSERT_TRUE(server.ok()) << server.error().ToString();
  server_ = *std::move(server);
  client_ = std::make_unique<http::Client>(http::Client::Options{
      .egress = {.allow_loopback = true, .allow_private = false}
  });
}

void ApiFixture::TearDown() {
  client_.reset();
  server_.reset();
}

Heard ApiFixture::Call(const std::string& method, const std::string& path, const std::string& body,
                       const Said& said) {
  http::Call call;
  call.method = method;
  call.url = server_->url() + "/api/v1" + path;
  call.headers = said.headers;
  call.headers.emplace_back("Authorization",
                            "Bearer " + (said.token.empty() ? admin_token_ : said.token));
  if (!body.empty()) {
    if (!said.type.empty()) call.headers.emplace_back("Content-Type", said.type);
    call.body = std::make_shared<const std::string>(body);
  }
  auto reply = client_->Do(std::move(call));
  if (!reply) {
    ADD_FAILURE() << method << " " << path << ": " << reply.error().ToString();
    return {};
  }
  return {reply->status, reply->body, Json::parse(reply->body, nullptr, false), reply->headers};
}

std::string ApiFixture::MakeTenant(const std::string& tenant, const std::string& role) {
  EXPECT_EQ(Post("/tenants",
                 {
                     {"id", tenant}
  })
                .status,
            201);
  return MakeToken(tenant, "first", role);
}

std::string ApiFixture::MakeToken(const std::string& tenant, const std::string& name,
                                  const std::string& role) {
  const Heard made = Post("/tenants/" + tenant + "/tokens", {
                                                                {"name", name},
                                                                {"role", role}
  });
  EXPECT_EQ(made.status, 201) << made.text;
  return made.body.value("token", "");
}

void ApiFixture::MakeArm(const std::string& type, const std::string& asset) {
  const auto number = [](const char* name) {
    return Json{
        {"name", name    },
        {"type", "number"}
    };
  };
  EXPECT_EQ(Post("/asset-types",
                 {
                     {"id",          type                                                                                      },
                     {"telemetries", Json::array({number("Temperature"),
                                                  number("Speed"),
                                                  number("Score"),
                                                  {{"name", "Level"}, {"type", "string"}}})}
  })
                .status,
            201);
  EXPECT_EQ(Post("/assets",
                 {
                     {"id",   asset},
                     {"type", type }
  })
                .status,
            201);
}

void ApiFixture::ForceState(const std::string& model, const std::string& state,
                            const std::string& deployment) {
  testing::PostgresServer::Shared().Execute(uri_, "UPDATE model SET state = '" + state +
                                                      "', deployment = NULLIF('" + deployment +
                                                      "', '') WHERE name = '" + model + "'");
}

std::vector<std::string> ApiFixture::OutboxKeys(const std::string& topic) {
  std::vector<std::string> keys;
  auto transaction = worker_->Begin();
  if (!transaction) return keys;
  auto rows = (*transaction)->Query("SELECT key FROM outbox WHERE topic = $1 ORDER BY id", {topic});
  if (!rows) return keys;
  for (const store::Row& row : *rows) keys.push_back(row.Text(0));
  return keys;
}

std::int64_t ApiFixture::Count(const std::string& table) {
  auto transaction = database_->Begin(TenantId("default"));
  if (!transaction) return -1;
  auto rows = (*transaction)->Query("SELECT count(*) FROM " + table);
  return rows ? rows->at(0).Int(0) : -1;
}

Json ManifestFor(const std::string& image, const std::string& name) {
  Json manifest = {
      {"model",
       {{"type", "http"},
        {"scoreEndpoint", "/score"},
        {"healthCheckEndpoint", "/health"},
        {"hosted", "internal"},
        {"container", {{"image", image}, {"tag", "1"}}}}                },
      {"trigger", {{"type", "REAL_TIME"}}                               },
      {"inputs",  Json::array({Json{{"dataColumnName", "temperature"}}})},
      {"outputs", Json::array({Json{{"dataColumnName", "score"}}})      }
  };
  if (!name.empty()) manifest["name"] = name;
  return manifest;
}

Json MappingTo(const std::string& kind, const std::string& id, const std::string& from,
               const std::string& to) {
  return {
      {"inputs",  {{"temperature", {{kind, id}, {"telemetry", from}}}}},
      {"outputs", {{"score", {{kind, id}, {"telemetry", to}}}}        }
  };
}

}  // namespace outrigger::model_api
