// SPDX-License-Identifier: Apache-2.0
#include "companion_fixture.h"

#include <arpa/inet.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "outrigger/base/clock.h"
#include "outrigger/base/ids.h"
#include "outrigger/http/client.h"

namespace outrigger::testing {
namespace {

using messaging::Consumer;
using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

int FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
  close(fd);
  return ntohs(address.sin_port);
}

}  // namespace

FakeModel::FakeModel(Answer answer, std::uint16_t port) : answer_(std::move(answer)) {
  // A port that was just left may still be taken for a moment.
  for (const auto until = SystemClock().Now() + seconds(5);
       !server_ && SystemClock().Now() < until;)
    Listen(port);
  EXPECT_TRUE(server_) << "port " << port << " cannot be had";
}

void FakeModel::Listen(std::uint16_t port) {
  http::Router router;
  router.Route("GET", "/health", [this](const http::Request&, const http::ResponderPtr& respond) {
    respond->Send({healthy ? 200 : 503, "{}", "application/json", {}});
  });
  router.BlockingRoute("POST", "/score", [this](const http::Request& request) {
    ++requests;
    return answer_(json::parse(request.body));
  });
  router.BlockingRoute("POST", "/assets", [this](const http::Request& request) -> http::Response {
    const std::lock_guard lock(mutex_);
    asset_events_.push_back(json::parse(request.body));
    return {refuse_asset_events-- > 0 ? 500 : 200, "{}", "application/json", {}};
  });
  http::ServerOptions options;
  options.port = port;
  options.workers = 16;
  options.body_bytes = 32 << 20;
  auto started = http::Server::Start(options, std::move(router));
  if (started) server_ = *std::move(started);
}

std::vector<json> FakeModel::asset_events() {
  const std::lock_guard lock(mutex_);
  return asset_events_;
}

http::Response FakeModel::EachRow(const json& request,
                                  const std::function<json(const std::string&, const json&)>& row) {
  json outputs = json::array();
  for (const auto& data : request["data"]) {
    json columns = json::object();
    for (std::size_t i = 0; i < data["time"].size(); ++i) {
      json values = json::object();
      for (const auto& [name, cells] : data["columns"].items()) values[name] = cells[i];
      const json said = row(data["assetId"], values);
      for (const auto& [name, value] : said.items()) columns[name].push_back(value);
    }
    outputs.push_back({
        {"assetId", data["assetId"]},
        {"time",    data["time"]   },
        {"columns", columns        }
    });
  }
  return {200, json{{"outputs", outputs}}.dump(), "application/json", {}};
}

void CompanionTest::SetUp() {
  OUTRIGGER_NEED_KAFKA();
  broker_ = KafkaBroker::Shared();
  tenant_ = "t" + RandomId(6);
  slot_ =
      "slot-0";  // of all tests: a host that comes back need not wait for its own membership to end
  admin_ = *messaging::Admin::Make(broker_->Options());
  producer_ = *messaging::Producer::Make(broker_->Options(), {});
  auto topics = messaging::TenantTopics(tenant_);
  for (auto& topic : messaging::PlatformTopics())
    if (topic.name == messaging::kShardTopic) topics.push_back(std::move(topic));
  ASSERT_TRUE(admin_->CreateTopics(topics, seconds(30)).ok());
}

void CompanionTest::TearDown() {
  KillCompanion();
  if (!admin_) return;
  // The next test's companion would follow this tenant too.
  for (const auto& topic : messaging::TenantTopics(tenant_))
    (void)admin_->DeleteTopic(topic.name, seconds(10));
}

void CompanionTest::StartCompanion() {
  admin_port_ = FreePort();
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ != 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
  execl(DATA_COMPANION_BINARY, "data_companion", "--kafka-brokers", broker_->address().c_str(),
        "--slot", slot_.c_str(), "--egress-allow-loopback", "true", "--admin-port",
        std::to_string(admin_port_).c_str(), nullptr);
  _exit(127);
}

void CompanionTest::KillCompanion() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

int CompanionTest::StopCompanion() {
  kill(pid_, SIGTERM);
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string CompanionTest::Metrics() {
  http::Client client({.egress = {.allow_loopback = true}});
  http::Call call;
  call.url = "http://127.0.0.1:" + std::to_string(admin_port_) + "/metrics";
  const auto reply = client.Do(std::move(call));
  return reply ? reply->body : "";
}

CompanionTest::Deployment CompanionTest::Deploy(const std::string& model, const json& changes,
                                                int partitions) {
  Deployment deployment{RandomId(6), "", partitions};
  const auto topic =
      messaging::FeedTopic(tenant_, model, deployment.id, partitions, seconds(86'400));
  EXPECT_TRUE(admin_->CreateTopics({&topic, 1}, seconds(30)).ok());
  deployment.feed = topic.name;
  json manifest = json::parse(R"({
    "model": {"type": "http", "scoreEndpoint": "/score", "healthCheckEndpoint": "/health",
              "hosted": "internal", "timeout": 30000, "stateful": true, "replicas": 1,
              "retry": {"tries": 3, "maxBackoff": 200},
              "health": {"interval": 1000, "timeout": 1000, "failures": 3}},
    "trigger": {"type": "REAL_TIME", "alignment": "latest", "allowedLateness": 0},
    "inputs": [{"dataColumnName": "x", "readAsString": false}],
    "outputs": [{"dataColumnName": "score", "readAsString": false},
                {"dataColumnName": "level", "readAsString": true}]})");
  if (!changes.is_null()) manifest.merge_patch(changes);
  Control(deployment.id + "/spec",
          json{
              {"deployment", deployment.id                                                     },
              {"tenant",     tenant_                                                           },
              {"model",      model                                                             },
              {"version",    "7"                                                               },
              {"digest",     "sha256:ab"                                                       },
              {"manifest",   manifest                                                          },
              {"feed",       {{"topic", topic.name}, {"partitions", partitions}}               },
              {"outputs",    {{"score", {{"type", "number"}}}, {"level", {{"type", "string"}}}}}
  }
              .dump());
  return deployment;
}

void CompanionTest::State(const Deployment& deployment, const std::string& desired,
                          const std::string& endpoint) {
  Control(deployment.id + "/state",
          json{
              {"desired",  desired },
              {"endpoint", endpoint}
  }
              .dump());
}

void CompanionTest::Control(const std::string& key, const std::optional<std::string>& value) {
  ASSERT_TRUE(
      producer_
          ->Send({"control." + tenant_, 0, key, value, {{"revision", std::to_string(++revision_)}}},
                 nullptr)
          .ok());
  ASSERT_TRUE(producer_->Flush(seconds(20)).ok());
}

void CompanionTest::Feed(const Deployment& deployment, const std::string& subject,
                         std::int64_t time, const json& values, std::int64_t source) {
  ASSERT_TRUE(producer_
                  ->Send(
                      {
                          deployment.feed,
                          std::nullopt,
                          subject,
                          json{{"subject", subject}, {"time", time}, {"values", values}}
                          .dump(),
                          {{"src", "0:" + std::to_string(source)}, {"rev", "1"}}
  },
                      nullptr)
                  .ok());
}

void CompanionTest::FlushFeed() { ASSERT_TRUE(producer_->Flush(seconds(30)).ok()); }

std::vector<messaging::Record> CompanionTest::ReadTopic(const std::string& topic, int partitions) {
  auto consumer = *Consumer::Make(broker_->Options(), {});
  std::map<messaging::TopicPartition, std::int64_t> from;
  for (int p = 0; p < partitions; ++p) from[{topic, p}] = Consumer::kBeginning;
  EXPECT_TRUE(consumer->Assign(from).ok());
  std::vector<messaging::Record> records;
  std::set<int> ended;
  for (const auto until = SystemClock().Now() + seconds(30);
       ended.size() < static_cast<std::size_t>(partitions) && SystemClock().Now() < until;) {
    auto batch = consumer->Poll(milliseconds(100));
    EXPECT_TRUE(batch.ok());
    for (auto& record : batch->records) records.push_back(std::move(record));
    for (const auto& end : batch->ends) ended.insert(end.at.partition);
  }
  EXPECT_EQ(ended.size(), static_cast<std::size_t>(partitions)) << topic;
  return records;
}

std::vector<CompanionTest::OutRow> CompanionTest::Out(const Deployment& deployment) {
  std::vector<OutRow> rows;
  for (auto& record : ReadTopic("out." + tenant_, 4)) {
    if (messaging::FindHeader(record.headers, "deployment") != deployment.id) continue;
    const json value = json::parse(*record.value);
    for (std::size_t i = 0; i < value["time"].size(); ++i) {
      json values = json::object();
      for (const auto& [name, cells] : value["columns"].items()) values[name] = cells[i];
      rows.push_back({value["assetId"], value["time"][i], values, record.headers});
    }
  }
  return rows;
}

std::vector<messaging::Record> CompanionTest::Dead(const Deployment& deployment) {
  auto records = ReadTopic("dead." + tenant_, 1);
  std::erase_if(records, [&](const auto& record) {
    return messaging::FindHeader(record.headers, "deployment") != deployment.id;
  });
  return records;
}

std::optional<json> CompanionTest::Journal(const std::string& key) {
  std::optional<json> last;
  for (const auto& record : ReadTopic("journal." + tenant_, 1))
    if (record.key == key)
      last = record.value ? std::optional(json::parse(*record.value)) : std::nullopt;
  return last;
}

json CompanionTest::AwaitStatus(const Deployment& deployment,
                                const std::function<bool(const json&)>& holds,
                                std::chrono::seconds within) {
  std::optional<json> status;
  const bool met = Eventually(
      [&] {
        status = Journal(deployment.id + "/status");
        return status && holds(*status);
      },
      within);
  EXPECT_TRUE(met) << (status ? status->dump() : "no status");
  return status.value_or(json::object());
}

bool CompanionTest::Eventually(const std::function<bool()>& holds, std::chrono::seconds within) {
  for (const auto until = SystemClock().Now() + within; SystemClock().Now() < until;) {
    if (holds()) return true;
    SleepFor(milliseconds(20));
  }
  return holds();
}

}  // namespace outrigger::testing
