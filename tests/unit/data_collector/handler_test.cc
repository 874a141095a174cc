// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <future>
#include <nlohmann/json.hpp>

#include "data_collector/telemetry_handler.h"
#include "outrigger/http/bearer.h"

namespace outrigger::data_collector {
namespace {

using http::Response;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Says when the end is reached, and what was in the topic until then.
class FakeTable final : public messaging::CompactedTable {
 public:
  bool Ready() const override { return true; }
  std::int64_t Revision() const override { return 0; }
  Result<> ReadToEnd(Millis) override { return {}; }
  void ReadToEndAsync(Millis, std::function<void(Result<>)> done) override {
    ++reads;
    if (gone) return done(Error(ErrorCode::kUnavailable, "gone"));
    if (on_read) on_read();
    done({});
  }
  std::atomic<int> reads{0};
  bool gone = false;
  std::function<void()> on_read;
};

// Holds acknowledgements back until told.
class FakeProducer final : public messaging::Producer {
 public:
  Result<> Send(const messaging::OutRecord& record, Delivered done) override {
    const std::lock_guard lock(mutex);
    if (records.size() >= room) return Error(ErrorCode::kResourceExhausted, "full");
    records.push_back(record);
    waiting.push_back(std::move(done));
    if (waiting.size() >= expected) all_sent.notify_all();
    return {};
  }
  Result<> Flush(Millis) override { return {}; }
  bool Connected() const override { return true; }

  void AwaitSent(std::size_t count) {
    std::unique_lock lock(mutex);
    expected = count;
    ASSERT_TRUE(all_sent.wait_for(lock, Millis{5'000}, [&] { return waiting.size() >= count; }));
  }
  void Acknowledge(std::size_t count, bool good = true) {
    for (; count > 0; --count) {
      Delivered done;
      {
        const std::lock_guard lock(mutex);
        done = std::move(waiting.front());
        waiting.pop_front();
      }
      if (good) {
        done(std::pair{0, std::int64_t{0}});
      } else {
        done(Error(ErrorCode::kTimeout, "no acknowledgement"));
      }
    }
  }

  std::mutex mutex;
  std::condition_variable all_sent;
  std::size_t expected = 1;
  std::size_t room = 1'000'000;
  std::vector<messaging::OutRecord> records;
  std::deque<Delivered> waiting;
};

class Answer final : public http::Responder {
 public:
  void Send(Response response) override { promise_.set_value(std::move(response)); }
  std::future<Response> future() { return promise_.get_future(); }

 private:
  std::promise<Response> promise_;
};

messaging::Record At(std::string key, std::optional<std::string> value) {
  messaging::Record record;
  record.key = std::move(key);
  record.value = std::move(value);
  return record;
}

class HandlerTest : public ::testing::Test {
 protected:
  HandlerTest() {
    AddToken("operator", R"({"tenant":"t","name":"o","role":"operator","expires":null})");
    AddToken("viewer", R"({"tenant":"t","name":"v","role":"viewer","expires":null})");
    AddToken("old", R"({"tenant":"t","name":"x","role":"admin","expires":1699999999999})");
    catalog_.Apply(At("asset-type/t/arm",
                      R"({"telemetries":[{"name":"Temperature","type":"number","unit":"Cel"}]})"));
    catalog_.Apply(At("asset/t/x1", R"({"id":"x1","type":"arm"})"));
  }

  void AddToken(const std::string& token, const std::string& value) {
    credentials_.Apply(At(http::TokenKey(token), value));
  }

  std::future<Response> Post(std::string body, const std::string& token = "operator",
                             const std::string& type = "application/json",
                             http::HeaderList more = {}) {
    http::Request request;
    request.headers = std::move(more);
    if (!token.empty()) request.headers.emplace_back("authorization", "Bearer " + token);
    if (!type.empty()) request.headers.emplace_back("content-type", type);
    request.body = std::move(body);
    const auto answer = std::make_shared<Answer>();
    auto future = answer->future();
    handler_.Handle(std::move(request), answer);
    return future;
  }
  static std::string Good(int value = 1, const std::string& asset = "x1") {
    return R"({"asset":")" + asset + R"(","time":1700000000000,"values":{"Temperature":)" +
           std::to_string(value) + "}}";
  }
  static bool Waiting(const std::future<Response>& future) {
    return future.wait_for(Millis{0}) == std::future_status::timeout;
  }
  static std::vector<std::string> Pointers(const Response& response) {
    std::vector<std::string> out;
    const auto body = nlohmann::json::parse(response.body);
    for (const auto& error : body.value("errors", nlohmann::json::array()))
      out.push_back(error.at("pointer"));
    return out;
  }

  CredentialView credentials_;
  CatalogView catalog_;
  FakeTable credential_table_, catalog_table_;
  FakeProducer producer_;
  Metrics metrics_;
  ManualClock clock_{1'700'000'000'000};
  http::WorkerPool pool_{1, 100};
  TelemetryHandler handler_{
      {credentials_, catalog_, credential_table_, catalog_table_, producer_, pool_, metrics_,
       clock_},
      {.max_records = 100, .max_in_flight = 100}
  };
};

TEST_F(HandlerTest, AnswersOnlyWhenTheLastRecordIsAcknowledged) {
  auto answer = Post("[" + Good(1) + "," + Good(2) + "]");
  EXPECT_TRUE(Waiting(answer));
  producer_.Acknowledge(1);
  EXPECT_TRUE(Waiting(answer));
  producer_.Acknowledge(1);

  const Response response = answer.get();
  EXPECT_EQ(response.status, 202);
  EXPECT_EQ(response.body, R"({"accepted":2})");
  EXPECT_EQ(response.content_type, "application/json");
}

TEST_F(HandlerTest, NeverSaysAcceptedWhenOneRecordWasNotAcknowledged) {
  auto answer = Post("[" + Good(1) + "," + Good(2) + "]");
  producer_.Acknowledge(1, false);
  producer_.Acknowledge(1);

  const Response response = answer.get();
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.content_type, "application/problem+json");
  EXPECT_THAT(response.headers, ElementsAre(std::pair("Retry-After", "1")));
  EXPECT_THAT(response.body, HasSubstr("give each record `time` or `id`"));
}

TEST_F(HandlerTest, SaysNotNowWhenTheProducerIsFull) {
  producer_.room = 1;

  auto answer = Post("[" + Good(1) + "," + Good(2) + "," + Good(3) + "]");
  EXPECT_TRUE(Waiting(answer));
  producer_.Acknowledge(1);

  EXPECT_EQ(answer.get().status, 503);
}

TEST_F(HandlerTest, BoundsWhatIsInFlight) {
  std::string many = "[" + Good();
  for (int i = 0; i < 59; ++i) many += "," + Good(i);
  auto first = Post(many + "]");
  EXPECT_EQ(Post(many + "]").get().status, 503);

  producer_.Acknowledge(60);

  EXPECT_EQ(first.get().status, 202);
  auto third = Post(many + "]");
  producer_.Acknowledge(60);
  EXPECT_EQ(third.get().status, 202);
}

TEST_F(HandlerTest, TakesTheGoodOnesOfAMixedBatch) {
  auto answer = Post("[" + Good(1) + "," + Good(2, "nope") + "," + Good(3) + ",{}]");
  producer_.AwaitSent(2);
  producer_.Acknowledge(2);

  const Response response = answer.get();
  EXPECT_EQ(response.status, 207);
  const auto body = nlohmann::json::parse(response.body);
  EXPECT_EQ(body.at("accepted"), 2);
  ASSERT_EQ(body.at("rejected").size(), 2u);
  EXPECT_EQ(body.at("rejected")[0].at("index"), 1);
  EXPECT_EQ(body.at("rejected")[0].at("code"), "unknown-asset");
  EXPECT_THAT(body.at("rejected")[0].at("detail"), HasSubstr("/asset"));
  EXPECT_EQ(body.at("rejected")[1].at("index"), 3);
}

TEST_F(HandlerTest, PointsToEveryFaultWhenAllAreBad) {
  const Response lone = Post(R"({"asset":"x1","values":{"Temperature":"hot"}})").get();
  const Response several =
      Post(R"([{"asset":"x1","values":{"Temperature":"hot"}},{"asset":"n","values":{"T":1}}])")
          .get();

  EXPECT_EQ(lone.status, 422);
  EXPECT_THAT(Pointers(lone), ElementsAre("/values/Temperature"));
  EXPECT_EQ(several.status, 422);
  EXPECT_THAT(Pointers(several), ElementsAre("/0/values/Temperature", "/1/asset"));
  EXPECT_TRUE(producer_.records.empty());
}

TEST_F(HandlerTest, JudgesInTheOrderOfTheContract) {
  EXPECT_EQ(Post("{", "", "text/plain").get().status, 401);
  EXPECT_EQ(Post("{", "nobody", "text/plain").get().status, 401);
  EXPECT_EQ(Post("{", "old", "text/plain").get().status, 401);
  EXPECT_EQ(Post("{", "viewer", "text/plain").get().status, 403);
  EXPECT_EQ(Post("{", "operator", "text/plain").get().status, 415);
  EXPECT_EQ(Post("{", "operator", "").get().status, 415);
  EXPECT_EQ(Post("{", "operator", "application/json; charset=latin1").get().status, 415);
  EXPECT_EQ(Post("{", "operator", "application/json",
                 {
                     {"content-encoding", "gzip"}
  })
                .get()
                .status,
            415);
  EXPECT_EQ(Post("{", "operator", "application/json; charset=UTF-8").get().status, 400);
  EXPECT_EQ(Post("[]").get().status, 422);
}

TEST_F(HandlerTest, RefusesTooLargeAfterTheTokenAndTheType) {
  http::Request request;
  request.headers = {
      {"authorization", "Bearer operator" },
      {"content-type",  "application/json"}
  };
  request.body_too_large = true;
  const auto answer = std::make_shared<Answer>();
  handler_.Handle(request, answer);

  EXPECT_EQ(answer->future().get().status, 413);
}

TEST_F(HandlerTest, LooksAgainBeforeItRefusesAToken) {
  credential_table_.on_read = [&] {
    AddToken("new", R"({"tenant":"t","name":"n","role":"operator","expires":null})");
  };
  auto answer = Post(Good(), "new");
  producer_.AwaitSent(1);
  producer_.Acknowledge(1);

  EXPECT_EQ(answer.get().status, 202);
  EXPECT_EQ(credential_table_.reads, 1);
}

TEST_F(HandlerTest, LooksAgainBeforeItRefusesAnAsset) {
  catalog_table_.on_read = [&] { catalog_.Apply(At("asset/t/x2", R"({"id":"x2","type":"arm"})")); };
  auto answer = Post("[" + Good(1) + "," + Good(2, "x2") + "]");
  producer_.AwaitSent(2);
  producer_.Acknowledge(2);

  EXPECT_EQ(answer.get().status, 202);
  EXPECT_EQ(catalog_table_.reads, 1);
}

TEST_F(HandlerTest, SaysNotNowWhenItCannotLookAgain) {
  credential_table_.gone = catalog_table_.gone = true;

  EXPECT_EQ(Post(Good(), "nobody").get().status, 503);
  EXPECT_EQ(Post(Good(1, "nope")).get().status, 503);
  EXPECT_EQ(Post(R"({"asset":"x1","time":-1,"values":{"Temperature":1}})").get().status, 422);
}

TEST_F(HandlerTest, ReadsNdjsonLineByLine) {
  auto answer = Post(Good(1) + "\n{\n" + Good(2) + "\n", "operator", "application/x-ndjson");
  producer_.AwaitSent(2);
  producer_.Acknowledge(2);

  const Response response = answer.get();
  EXPECT_EQ(response.status, 207);
  EXPECT_THAT(response.body, HasSubstr(R"("index":1,"code":"syntax")"));
}

TEST_F(HandlerTest, ReadsLargeBodiesOnThePool) {
  std::string body = "[" + std::string(100'000, ' ') + Good() + "]";
  auto answer = Post(body);
  producer_.AwaitSent(1);
  producer_.Acknowledge(1);

  EXPECT_EQ(answer.get().status, 202);
}

TEST_F(HandlerTest, HandsTheTraceOfTheSenderOn) {
  const std::string trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  Post(Good(), "operator", "application/json",
       {
           {"traceparent", trace}
  });
  Post(Good(), "operator", "application/json",
       {
           {"traceparent", "nonsense"}
  });
  Post(Good(), "operator", "application/json",
       {
           {"traceparent", "01" + trace.substr(2) + "-of-later-days"}
  });

  EXPECT_EQ(messaging::FindHeader(producer_.records.at(0).headers, "traceparent"), trace);
  EXPECT_NE(messaging::FindHeader(producer_.records.at(1).headers, "traceparent"), "nonsense");
  EXPECT_EQ(messaging::FindHeader(producer_.records.at(2).headers, "traceparent"), trace);
  producer_.Acknowledge(3);
}

TEST_F(HandlerTest, GivesTheRecordsOfARequestOneTrace) {
  Post("[" + Good(1) + "," + Good(2) + "]");
  Post(Good(3));

  const auto trace_of = [&](std::size_t i) {
    return std::string(*messaging::FindHeader(producer_.records.at(i).headers, "traceparent"));
  };
  EXPECT_TRUE(messaging::IsTraceParent(trace_of(0)));
  EXPECT_EQ(trace_of(0), trace_of(1));
  EXPECT_NE(trace_of(0), trace_of(2));
  producer_.Acknowledge(3);
}

}  // namespace
}  // namespace outrigger::data_collector
