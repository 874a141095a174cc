// SPDX-License-Identifier: Apache-2.0
// The program itself on a real broker: what it acknowledges is in `telemetry`, and what it cannot
// put there it does not acknowledge.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "kafka_fixture.h"
#include "outrigger/base/text.h"
#include "outrigger/http/bearer.h"
#include "outrigger/http/client.h"

extern char** environ;

namespace outrigger {
namespace {

using http::Call;
using http::Client;
using http::Reply;
using testing::KafkaBroker;

constexpr Millis kSoon{20'000};

bool Until(const std::function<bool()>& holds, Millis within = kSoon) {
  const SteadyTime end = SystemClock().Now() + within;
  while (!holds()) {
    if (SystemClock().Now() > end) return false;
    SleepFor(Millis{10});
  }
  return true;
}

// A port that was free a moment ago.
std::uint16_t FreePort() { return http::Server::Start({}, http::Router()).value()->port(); }

// The program under test.
class Collector {
 public:
  explicit Collector(const std::string& brokers) : port_(FreePort()), admin_port_(FreePort()) {
    std::vector<std::string> words = {DATA_COLLECTOR,
                                      "--port",
                                      std::to_string(port_),
                                      "--admin-port",
                                      std::to_string(admin_port_),
                                      "--kafka-brokers",
                                      brokers,
                                      "--delivery-timeout-ms",
                                      "3000"};
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    EXPECT_EQ(posix_spawn(&pid_, DATA_COLLECTOR, nullptr, nullptr, arguments.data(), environ), 0);
  }
  ~Collector() {
    if (pid_ > 0) kill(pid_, SIGKILL), waitpid(pid_, nullptr, 0);
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  std::string admin_url() const { return "http://127.0.0.1:" + std::to_string(admin_port_); }

  // The exit code after SIGTERM; nullopt when it takes longer than 10 s.
  std::optional<int> Terminate() {
    kill(pid_, SIGTERM);
    int status = 0;
    if (!Until([&] { return waitpid(pid_, &status, WNOHANG) == pid_; }, Millis{10'500}))
      return std::nullopt;
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  std::uint16_t port_, admin_port_;
  pid_t pid_ = -1;
};

// One broker for all tests; each has a tenant of its own.
class CollectorTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    broker_ = KafkaBroker::Start().value_or(nullptr);
    if (!broker_) return;
    const auto admin = messaging::Admin::Make(broker_->Options()).value();
    ASSERT_TRUE(admin->CreateTopics(messaging::PlatformTopics(), kSoon).ok());
  }
  static void TearDownTestSuite() { broker_.reset(); }

  void SetUp() override {
    if (!broker_ && std::getenv("CI")) FAIL() << "no Kafka";
    if (!broker_) GTEST_SKIP() << "no Kafka";
    writer_ = messaging::Producer::Make(broker_->Options(), {}).value();
    AddToken("secret");
    Put("catalog", "asset-type/" + tenant_ + "/arm",
        R"({"id":"arm","telemetries":[{"name":"Temperature","type":"number","unit":"Cel"}]})");
    AddAsset("x1");
    collector_ = std::make_unique<Collector>(broker_->address());
    ASSERT_TRUE(Until([&] { return Admin("/readyz") == 200; }));
  }

  std::string Token(const std::string& name) const { return tenant_ + "-" + name; }
  void AddToken(const std::string& name) {
    Put("credentials", http::TokenKey(Token(name)),
        R"({"tenant":")" + tenant_ + R"(","name":"n","role":"operator","expires":null})");
  }
  void AddAsset(const std::string& id) {
    Put("catalog", "asset/" + tenant_ + "/" + id, R"({"id":")" + id + R"(","type":"arm"})");
  }

  void Put(const std::string& topic, const std::string& key, std::optional<std::string> value) {
    messaging::OutRecord record;
    record.topic = topic;
    record.key = key;
    record.value = std::move(value);
    record.headers = {
        {"revision", std::to_string(++revision_)}
    };
    std::atomic<int> state{0};
    ASSERT_TRUE(writer_->Send(record, [&](const auto& done) { state = done.ok() ? 1 : -1; }).ok());
    ASSERT_TRUE(Until([&] { return state != 0; }));
    ASSERT_EQ(state, 1);
  }

  Result<Reply> Post(const std::string& body, const std::string& name = "secret") {
    Call call;
    call.method = "POST";
    call.url = collector_->url() + "/api/v1/telemetry";
    call.headers = {
        {"Authorization", "Bearer " + Token(name)},
        {"Content-Type",  "application/json"     }
    };
    call.body = std::make_shared<const std::string>(body);
    return client_.Do(std::move(call));
  }
  int StatusOf(const std::string& body, const std::string& token = "secret") {
    const auto reply = Post(body, token);
    return reply.ok() ? reply->status : 0;
  }
  int Admin(const std::string& path) {
    Call call;
    call.url = collector_->admin_url() + path;
    const auto reply = client_.Do(std::move(call));
    return reply.ok() ? reply->status : 0;
  }
  static std::string Sample(std::int64_t time, double value, const std::string& asset = "x1") {
    return nlohmann::json{
        {"asset",  asset                   },
        {"time",   time                    },
        {"values", {{"Temperature", value}}}
    }
        .dump();
  }

  // Every record of this tenant in `telemetry` now.
  std::vector<messaging::Record> Telemetry() {
    const auto consumer = messaging::Consumer::Make(broker_->Options("reader"), {}).value();
    std::map<messaging::TopicPartition, std::int64_t> all;
    for (int i = 0; i < 4; ++i) all[{"telemetry", i}] = messaging::Consumer::kBeginning;
    EXPECT_TRUE(consumer->Assign(all).ok());
    std::vector<messaging::Record> out;
    std::set<int> ended;
    EXPECT_TRUE(Until([&] {
      auto batch = consumer->Poll(Millis{100});
      if (!batch.ok()) return false;
      for (auto& record : batch->records) {
        if (messaging::FindHeader(record.headers, "tenant") == tenant_)
          out.push_back(std::move(record));
      }
      for (const auto& end : batch->ends) ended.insert(end.at.partition);
      return ended.size() == 4;
    }));
    return out;
  }

  inline static std::unique_ptr<KafkaBroker> broker_;
  const std::string tenant_ = KafkaBroker::UniqueName("t");
  std::unique_ptr<messaging::Producer> writer_;
  inline static std::int64_t revision_ = 0;
  std::unique_ptr<Collector> collector_;
  Client client_{{.egress = {.allow_loopback = true}}};
};

TEST_F(CollectorTest, WritesWhatItAcknowledges) {
  const auto reply = Post("[" + Sample(1'000, 21.5) + "," + Sample(2'000, 22) + "," +
                          Sample(3'000, 23, "nobody") + "]");

  ASSERT_TRUE(reply.ok());
  EXPECT_EQ(reply->status, 207);
  EXPECT_EQ(nlohmann::json::parse(reply->body).at("accepted"), 2);
  const auto records = Telemetry();
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].key, tenant_ + "/x1");
  EXPECT_EQ(records[0].value, R"({"asset":"x1","time":1000,"values":{"Temperature":21.5}})");
}

TEST_F(CollectorTest, KnowsAtOnceWhatWasMadeBeforeTheRequest) {
  for (int i = 0; i < 20; ++i) {
    const std::string name = "new" + std::to_string(i);
    AddToken(name);
    AddAsset(name);
    EXPECT_EQ(StatusOf(Sample(1'000, i, name), name), 202) << name;
  }
}

TEST_F(CollectorTest, RefusesARevokedTokenWithinASecond) {
  EXPECT_EQ(StatusOf(Sample(1'000, 1)), 202);

  Put("credentials", http::TokenKey(Token("secret")), std::nullopt);

  EXPECT_TRUE(Until([&] { return StatusOf(Sample(2'000, 1)) == 401; }, Millis{1'000}));
}

TEST_F(CollectorTest, NeverAcknowledgesWhatKafkaDidNotTakeAndGoesOnAfterwards) {
  std::map<std::int64_t, int> status;
  std::atomic<bool> stop{false};
  std::atomic<int> good{0};
  std::thread sender([&] {
    for (std::int64_t i = 1; !stop; ++i) {
      status[i] = StatusOf(Sample(i, 1));
      if (status[i] == 202) ++good;
    }
  });
  EXPECT_TRUE(Until([&] { return good > 20; }));

  broker_->Kill();
  EXPECT_TRUE(Until([&] { return Admin("/readyz") == 503; }));
  EXPECT_EQ(Admin("/livez"), 200);
  EXPECT_EQ(StatusOf(Sample(999'999'999, 1)), 503);
  EXPECT_EQ(StatusOf(Sample(999'999'999, 1), "stranger"), 503);
  ASSERT_TRUE(broker_->Restart().ok());
  const int before = good;
  EXPECT_TRUE(Until([&] { return good > before + 20; }, Millis{60'000}));
  stop = true;
  sender.join();

  EXPECT_TRUE(Until([&] { return Admin("/readyz") == 200; }));
  std::map<std::int64_t, int> found;
  for (const auto& record : Telemetry())
    ++found[nlohmann::json::parse(*record.value).at("time").get<std::int64_t>()];
  for (const auto& [time, code] : status) {
    if (code == 202) {
      EXPECT_EQ(found[time], 1) << time;
    } else {
      EXPECT_EQ(code, 503) << time;
    }
  }
}

TEST_F(CollectorTest, EndsOnSigtermWhileSamplesCome) {
  std::atomic<bool> stop{false};
  std::thread sender([&] {
    while (!stop) (void)Post(Sample(1, 1));
  });
  EXPECT_EQ(StatusOf(Sample(2, 1)), 202);

  EXPECT_EQ(collector_->Terminate(), 0);
  stop = true;
  sender.join();
}

TEST_F(CollectorTest, EndsOnSigtermWithKafkaGone) {
  broker_->Kill();
  std::thread sender([&] { (void)Post(Sample(1, 1)); });
  EXPECT_TRUE(Until([&] { return Admin("/readyz") == 503; }));

  EXPECT_EQ(collector_->Terminate(), 0);
  sender.join();
  ASSERT_TRUE(broker_->Restart().ok());
}

TEST_F(CollectorTest, TakesAWholeBatchOfTenThousand) {
  std::string body = "[" + Sample(0, 0);
  for (int i = 1; i < 10'000; ++i) body += "," + Sample(i, i);

  EXPECT_EQ(StatusOf(body + "]"), 202);
  EXPECT_EQ(StatusOf(body + "," + Sample(1, 1) + "]"), 413);
  EXPECT_EQ(StatusOf(body + std::string(8 << 20, ' ') + "]"), 413);

  EXPECT_EQ(Telemetry().size(), 10'000u);
}

}  // namespace
}  // namespace outrigger
