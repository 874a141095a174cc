// SPDX-License-Identifier: Apache-2.0
#include "pusher_fixture.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <future>
#include <pqxx/pqxx>

#include "outrigger/base/clock.h"
#include "outrigger/base/ids.h"
#include "outrigger/base/text.h"

namespace outrigger::testing {

using namespace std::chrono_literals;  // NOLINT
using nlohmann::json;

namespace {

int FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0) std::abort();
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  close(fd);
  return ntohs(address.sin_port);
}

}  // namespace

PusherProcess::PusherProcess(std::string instance, const std::string& brokers,
                             const std::string& postgres) {
  const std::string port = std::to_string(FreePort());
  const std::string admin = std::to_string(FreePort());
  url_ = "http://127.0.0.1:" + port;
  admin_url_ = "http://127.0.0.1:" + admin;
  log_ = "/tmp/data_pusher-" + RandomId(8) + ".log";
  words_ = {OUTRIGGER_DATA_PUSHER,
            "--port",
            port,
            "--admin-port",
            admin,
            "--kafka-brokers",
            brokers,
            "--postgres-uri",
            postgres,
            "--retention-interval=500",
            "--max-query-rows=5000",
            "--instance",
            std::move(instance)};
}

PusherProcess::~PusherProcess() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  if (::testing::UnitTest::GetInstance()->Failed()) {
    std::fprintf(stderr, "the pusher's log: %s\n", log_.c_str());
  } else {
    unlink(log_.c_str());
  }
}

void PusherProcess::Start() {
  pid_ = fork();
  if (pid_ != 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int log = open(log_.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  dup2(log, 1);
  dup2(log, 2);
  std::vector<char*> arguments;
  for (std::string& word : words_) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  execv(arguments[0], arguments.data());
  _exit(127);
}

void PusherProcess::Signal(int number) const { kill(pid_, number); }

void PusherProcess::KillAndRestart() {
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  Start();
}

int PusherProcess::Stop() {
  kill(pid_, SIGTERM);
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

std::unique_ptr<PusherProcess> PusherTest::pusher_;
std::unique_ptr<messaging::Producer> PusherTest::producer_;
std::unique_ptr<messaging::Admin> PusherTest::admin_;
std::unique_ptr<http::Client> PusherTest::client_;
std::string PusherTest::database_;
std::int64_t PusherTest::revision_ = 0;

void PusherTest::SetUpTestSuite() {
  if (pusher_ || !KafkaBroker::Shared() || !PostgresServer::Shared().available()) return;
  database_ = PostgresServer::Shared().MigratedDatabase();
  admin_ = *messaging::Admin::Make(Kafka().Options());
  const auto topics = messaging::PlatformTopics();
  const Result<> made = admin_->CreateTopics(topics, 30s);
  ASSERT_TRUE(made.ok()) << made.error().ToString();
  producer_ = *messaging::Producer::Make(Kafka().Options(), {});
  http::Client::Options loopback;
  loopback.egress.allow_loopback = true;
  client_ = std::make_unique<http::Client>(loopback);
  pusher_ = std::make_unique<PusherProcess>("pusher-0", Kafka().address(), database_);
  pusher_->Start();
}

void PusherTest::TearDownTestSuite() {
  pusher_.reset();
  client_.reset();
  producer_.reset();
  admin_.reset();
}

void PusherTest::SetUp() {
  OUTRIGGER_NEED_KAFKA();
  OR_NEEDS_POSTGRES();
  tenant_ = RandomId(8);
  token_ = "token-" + tenant_;
  const auto topics = messaging::TenantTopics(tenant_);
  const Result<> made = admin_->CreateTopics(topics, 30s);
  ASSERT_TRUE(made.ok()) << made.error().ToString();
  Tell("credentials", Sha256Hex(token_),
       json{
           {"tenant",  tenant_ },
           {"name",    "n"     },
           {"role",    "viewer"},
           {"expires", nullptr }
  }
           .dump());
}

void PusherTest::Enqueue(const std::string& topic, const std::string& key, const std::string& value,
                         messaging::Headers headers) {
  messaging::OutRecord record{topic, std::nullopt, key, std::nullopt, std::move(headers)};
  if (!value.empty()) record.value = value;
  const Result<> sent = producer_->Send(record, [](const auto&) {});
  ASSERT_TRUE(sent.ok()) << sent.error().ToString();
}

void PusherTest::Flush() {
  const Result<> flushed = producer_->Flush(20s);
  ASSERT_TRUE(flushed.ok()) << flushed.error().ToString();
}

void PusherTest::Publish(const std::string& topic, const std::string& key, const std::string& value,
                         messaging::Headers headers) {
  Enqueue(topic, key, value, std::move(headers));
  Flush();
}

std::int64_t PusherTest::Tell(const std::string& topic, const std::string& key,
                              const std::string& value) {
  Publish(topic, key, value,
          {
              {"revision", std::to_string(++revision_)}
  });
  return revision_;
}

void PusherTest::DefineAssets(const std::vector<std::string>& assets) {
  json telemetries = json::array();
  for (const auto& [name, type] : std::map<std::string, std::string>{
           {"Temperature", "number" },
           {"Score",       "number" },
           {"Level",       "string" },
           {"Alarm",       "boolean"}
  }) {
    telemetries.push_back({
        {"name", name   },
        {"type", type   },
        {"unit", nullptr}
    });
  }
  Tell("catalog", "asset-type/" + tenant_ + "/arm",
       json{
           {"id",          "arm"      },
           {"name",        "Arm"      },
           {"telemetries", telemetries}
  }
           .dump());
  for (const std::string& asset : assets) {
    Tell("catalog", "asset/" + tenant_ + "/" + asset,
         json{
             {"id",          asset         },
             {"name",        asset         },
             {"type",        "arm"         },
             {"attributes",  json::object()},
             {"telemetries", json::array() }
    }
             .dump());
  }
}

std::string PusherTest::FeedOf(const std::string& model, const std::string& deployment) const {
  return "feed." + tenant_ + "." + model + "." + deployment;
}

std::string PusherTest::OpenRoute(const std::string& model) {
  const std::string deployment = RandomId(6);
  const std::vector feed = {messaging::FeedTopic(tenant_, model, deployment, 1, 24h)};
  EXPECT_TRUE(admin_->CreateTopics(feed, 20s).ok());
  WaitForRevision(TellRoute(model, deployment, true));
  return deployment;
}

std::int64_t PusherTest::TellRoute(const std::string& model, const std::string& deployment,
                                   bool open) {
  return TellRouteOf(
      model, deployment,
      {
          {"open",      open                                                                   },
          {"assetType", "arm"                                                                  },
          {"inputs",    {{"temp", {{"telemetry", "Temperature"}, {"scale", 1}, {"offset", 0}}}}},
          {"outputs",
           {{"score", {{"telemetry", "Score"}, {"type", "number"}, {"scale", 1}, {"offset", 0}}},
            {"level", {{"telemetry", "Level"}, {"type", "string"}}}}                           }
  });
}

std::int64_t PusherTest::TellGroups(const std::string& model, const std::string& deployment,
                                    json groups) {
  for (json& group : groups) group["outputs"] = json::object();
  return TellRouteOf(model, deployment,
                     {
                         {"open",   true             },
                         {"groups", std::move(groups)}
  });
}

std::int64_t PusherTest::TellRouteOf(const std::string& model, const std::string& deployment,
                                     json route) {
  route.update({
      {"deployment", deployment                                               },
      {"tenant",     tenant_                                                  },
      {"model",      model                                                    },
      {"version",    "1"                                                      },
      {"digest",     "sha256:0"                                               },
      {"feed",       {{"topic", FeedOf(model, deployment)}, {"partitions", 1}}}
  });
  return Tell("catalog", "route/" + tenant_ + "/" + deployment, route.dump());
}

void PusherTest::WaitForRevision(std::int64_t revision) {
  ASSERT_TRUE(Until(60s,
                    [&] {
                      std::map<std::string, std::int64_t> told;
                      for (const messaging::Record& record : ReadAll("pusher-status")) {
                        told[*record.key] = json::parse(*record.value).at("catalogRevision");
                      }
                      std::size_t applied = 0;
                      for (const auto& [partition, at] : told) applied += at >= revision ? 1U : 0U;
                      return applied == 4;
                    }))
      << "no word of revision " << revision;
}

void PusherTest::Sample(const std::string& asset, std::int64_t time, double temperature,
                        const std::string& id) {
  Measure(asset, time,
          {
              {"Temperature", temperature}
  },
          id);
}

void PusherTest::SampleText(const std::string& asset, std::int64_t time, const std::string& level) {
  Measure(asset, time,
          {
              {"Level", level}
  },
          "");
}

void PusherTest::Measure(const std::string& asset, std::int64_t time, const json& values,
                         const std::string& id) {
  const json value = {
      {"asset",  asset },
      {"time",   time  },
      {"values", values}
  };
  messaging::Headers headers =
      messaging::CloudEventHeaders(id.empty() ? asset + "-" + std::to_string(time) : id,
                                   "/data_collector", "dev.outrigger.telemetry.v1", time);
  headers.emplace_back("tenant", tenant_);
  Enqueue("telemetry", tenant_ + "/" + asset, value.dump(), std::move(headers));
}

void PusherTest::Output(const std::string& model, const std::string& deployment,
                        const std::string& asset, std::int64_t time, double score) {
  const json value = {
      {"assetId", asset               },
      {"time",    {time}              },
      {"columns", {{"score", {score}}}}
  };
  messaging::Headers headers =
      messaging::CloudEventHeaders(deployment + "/0:" + std::to_string(time) + "/" + asset,
                                   "/data_companion", "dev.outrigger.out.v1", time);
  headers.insert(headers.end(), {
                                    {"model",        model                      },
                                    {"modelversion", "1"                        },
                                    {"modeldigest",  "sha256:0"                 },
                                    {"deployment",   deployment                 },
                                    {"requestid",    "r-" + std::to_string(time)},
                                    {"window",       ""                         }
  });
  Enqueue("out." + tenant_, asset, value.dump(), std::move(headers));
}

std::vector<messaging::Record> PusherTest::ReadAll(const std::string& topic) {
  std::vector<messaging::Record> records;
  const auto ends = admin_->EndOffsets(topic, 10s);
  EXPECT_TRUE(ends.ok()) << topic;
  if (!ends.ok()) return records;
  const auto consumer = *messaging::Consumer::Make(Kafka().Options(), {});
  std::map<messaging::TopicPartition, std::int64_t> from;
  for (const auto& [partition, end] : *ends)
    from[{topic, partition}] = messaging::Consumer::kBeginning;
  EXPECT_TRUE(consumer->Assign(from).ok());
  std::map<int, bool> done;
  const auto until = SystemClock().Now() + 20s;
  while (done.size() < from.size() && SystemClock().Now() < until) {
    auto batch = consumer->Poll(200ms, 10'000);
    if (!batch.ok()) break;
    for (auto& record : batch->records) records.push_back(std::move(record));
    for (const auto& end : batch->ends) done[end.at.partition] = true;
  }
  EXPECT_EQ(done.size(), from.size()) << topic << " was not read to its end";
  return records;
}

http::Reply PusherTest::Get(const std::string& path, const std::string& token) {
  http::Call call;
  call.url = path.starts_with("http") ? path : pusher_->url() + path;
  call.headers.emplace_back("Authorization", "Bearer " + (token.empty() ? token_ : token));
  call.deadline = 10s;
  const auto reply = client_->Do(std::move(call));
  if (!reply.ok()) return http::Reply{};
  return *reply;
}

json PusherTest::Json(const std::string& path) {
  const http::Reply reply = Get(path);
  EXPECT_EQ(reply.status, 200) << path << ": " << reply.body;
  return reply.status == 200 ? json::parse(reply.body) : json::object();
}

std::map<std::int64_t, json> PusherTest::History(const std::string& asset,
                                                 const std::string& telemetry) {
  std::map<std::int64_t, json> points;
  std::string next;
  for (int page = 0; page < 1'000; ++page) {
    const http::Reply reply = Get("/api/v1/assets/" + asset + "/telemetry/" + telemetry +
                                  "?limit=700" + (next.empty() ? "" : "&continue=" + next));
    if (reply.status != 200) return {};
    const json body = json::parse(reply.body);
    for (const json& point : body.at("points")) {
      EXPECT_FALSE(points.contains(point.at(0))) << "a point twice";
      points[point.at(0)] = point.at(1);
    }
    next = body.value("continue", "");
    if (next.empty()) break;
  }
  return points;
}

std::int64_t PusherTest::Number(const std::string& sql) {
  try {
    pqxx::connection connection(database_);
    pqxx::work work(connection);
    return work.query_value<std::int64_t>(sql);
  } catch (const std::exception&) {
    return -1;
  }
}

::testing::AssertionResult PusherTest::Until(std::chrono::seconds deadline,
                                             const std::function<bool()>& holds) {
  const auto until = SystemClock().Now() + deadline;
  while (!holds()) {
    if (SystemClock().Now() > until) {
      return ::testing::AssertionFailure() << "not within " << deadline.count() << " s";
    }
    SleepFor(50ms);
  }
  return ::testing::AssertionSuccess();
}

}  // namespace outrigger::testing
