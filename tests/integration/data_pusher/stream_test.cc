// SPDX-License-Identifier: Apache-2.0
// Telemetry as server-sent events.
#include <gmock/gmock.h>

#include <atomic>
#include <future>
#include <thread>

#include "delete_records.h"
#include "event_stream.h"
#include "outrigger/base/text.h"
#include "pusher_fixture.h"

namespace outrigger::testing {
namespace {

using namespace std::chrono_literals;  // NOLINT
using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::int64_t kBase = 1'790'000'000'000;
constexpr const char* kPath = "/api/v1/telemetry/stream";

class StreamTest : public PusherTest {
 protected:
  // A stream that is live, or about to catch up, when this returns.
  EventStream Open(const std::string& query = "", const std::string& last_id = "",
                   int receive_bytes = 0) {
    EventStream stream(Pusher().url(), kPath + query, token_, last_id, receive_bytes);
    EXPECT_THAT(stream.head(), AllOf(StartsWith("HTTP/1.1 200 "),
                                     HasSubstr("Content-Type: text/event-stream\r\n")));
    if (!last_id.empty()) return stream;
    EXPECT_TRUE(stream.NextOfAny(5s).has_value()) << "no first id";
    return stream;
  }
  std::string Credential(const std::string& tenant, const json& expires = nullptr) {
    const std::string token = "more-" + tenant + "-" + tenant_;
    Tell("credentials", Sha256Hex(token),
         json{
             {"tenant",  tenant  },
             {"name",    "m"     },
             {"role",    "viewer"},
             {"expires", expires }
    }
             .dump());
    return token;
  }
  double Metric(const std::string& name) {
    const std::string text = Get(Pusher().admin_url() + "/metrics").body;
    const std::size_t at = text.find("\n" + name + " ");
    return at == std::string::npos ? 0 : std::stod(text.substr(at + name.size() + 2));
  }
  void SetUp() override {
    PusherTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    ASSERT_TRUE(Until(60s, [&] { return Get(Pusher().admin_url() + "/readyz").status == 200; }));
  }
};

TEST_F(StreamTest, TellsWhatIsAskedForAndNothingElse) {
  EventStream all = Open();
  EventStream some = Open("?asset=x1&asset=x2&telemetry=Temperature");

  Sample("x1", kBase, 1.5);
  Sample("x3", kBase, 2);
  SampleText("x2", kBase, "high");
  Sample("x2", kBase + 1, 3);
  Flush();

  std::map<std::string, std::string> told;
  for (int i = 0; i < 2; ++i) {
    const auto event = some.Next();
    ASSERT_TRUE(event) << i;
    EXPECT_EQ(event->at("event"), "telemetry");
    told[json::parse(event->at("data")).at("asset")] = event->at("data");
  }
  EXPECT_EQ(json::parse(told["x1"]),
            (json{
                {"asset",  "x1"                  },
                {"time",   kBase                 },
                {"values", {{"Temperature", 1.5}}}
  }));
  EXPECT_EQ(json::parse(told["x2"]).at("time"), kBase + 1);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(all.Next()) << i;
  EXPECT_GE(Metric("outrigger_pusher_stream_open"), 2);
  EXPECT_GE(Metric("outrigger_pusher_stream_events_total"), 6);
}

TEST_F(StreamTest, RefusesStrangersAndIdsThatNobodyGave) {
  EXPECT_EQ(Get(kPath, "wrong").status, 401);
  EXPECT_EQ(Get(std::string(kPath) + "?asset=a%20b%2Fc").status, 422);
  EventStream bad(Pusher().url(), kPath, token_, "0:1;1:2");

  EXPECT_THAT(bad.head(), AllOf(StartsWith("HTTP/1.1 400 "), HasSubstr("problem+json")));
}

TEST_F(StreamTest, TellsAnotherTenantNothingButThatItIsStillThere) {
  const std::string stranger = Credential("nobody" + tenant_);
  EventStream foreign(Pusher().url(), kPath, stranger);
  ASSERT_TRUE(foreign.NextOfAny(5s));
  const std::string before = foreign.last_id();
  EventStream mine = Open();
  for (int i = 0; i < 50; ++i) Sample("x1", kBase + i, i);
  Flush();
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(mine.Next()) << i;

  const auto heartbeat = foreign.NextOfAny(20s);

  ASSERT_TRUE(heartbeat);
  EXPECT_TRUE(heartbeat->contains("") && !heartbeat->contains("data"));
  EXPECT_NE(foreign.last_id(), before) << "resuming would read again what is not his";
}

TEST_F(StreamTest, ResumesWithoutHoleAndRepeatWhileSamplesKeepComing) {
  constexpr int kAssets = 8;
  std::map<std::pair<std::string, std::int64_t>, int> seen;
  auto stream = std::make_unique<EventStream>(Open());
  std::string last_id = stream->last_id();
  std::atomic<bool> enough{false};
  std::future<int> published = std::async(std::launch::async, [&] {
    int count = 0;
    for (; !enough; ++count) {
      Sample("x" + std::to_string(count % kAssets), kBase + count, count);
      if (count % 20 == 0) Flush();
    }
    Flush();
    return count;
  });

  for (int round = 0; round < 8; ++round) {
    if (round > 0) stream = std::make_unique<EventStream>(Open("", last_id));
    for (int i = 0; i < 200 * (round + 1); ++i) {
      const auto event = stream->Next();
      ASSERT_TRUE(event) << "round " << round;
      ASSERT_EQ(event->at("event"), "telemetry");
      const json data = json::parse(event->at("data"));
      ++seen[{data.at("asset"), data.at("time")}];
      last_id = event->at("id");
    }
  }
  enough = true;
  const auto total = static_cast<std::size_t>(published.get());
  while (seen.size() < total) {
    const auto event = stream->Next();
    ASSERT_TRUE(event) << seen.size() << " of " << total;
    const json data = json::parse(event->at("data"));
    ++seen[{data.at("asset"), data.at("time")}];
  }

  EXPECT_TRUE(Until(10s, [&] { return Metric("outrigger_pusher_stream_catch_ups") == 0; }));
  Sample("x0", kBase - 1, 0);
  Flush();
  const auto last = stream->Next();
  ASSERT_TRUE(last);
  EXPECT_EQ(json::parse(last->at("data")).at("time"), kBase - 1) << "a sample came twice";
  for (const auto& [sample, times] : seen) EXPECT_EQ(times, 1) << sample.first << sample.second;
  RecordProperty("samples", static_cast<int>(total));
}

TEST_F(StreamTest, ResumesAtAReplicaThatWasNotThereBefore) {
  std::string last_id = Open().last_id();
  Sample("x1", kBase, 1);
  Flush();
  Pusher().KillAndRestart();
  ASSERT_TRUE(Until(60s, [&] { return Get(Pusher().admin_url() + "/readyz").status == 200; }));

  EventStream again = Open("", last_id);

  const auto event = again.Next();
  ASSERT_TRUE(event);
  EXPECT_EQ(json::parse(event->at("data")).at("time"), kBase);
}

TEST_F(StreamTest, SaysWhatIsMissingWhereKafkaKeptLess) {
  EventStream first = Open();
  const std::string old_id = first.last_id();
  for (int i = 0; i < 40; ++i) Sample("x" + std::to_string(i), kBase, i);
  Flush();
  ASSERT_TRUE(DeleteRecords(Kafka().address(), "telemetry", 4));

  EventStream resumed = Open("", old_id);
  const auto gap = resumed.Next();
  Sample("x1", kBase + 1, 1);
  Flush();
  const auto next = resumed.Next();

  ASSERT_TRUE(gap && next);
  EXPECT_EQ(gap->at("event"), "gap");
  EXPECT_EQ(json::parse(gap->at("data")).at("from"), gap->at("id"));
  EXPECT_NE(gap->at("id"), old_id);
  EXPECT_EQ(json::parse(next->at("data")).at("time"), kBase + 1);
}

TEST_F(StreamTest, CutsASlowReaderOffWhileAnotherGoesOn) {
  EventStream slow = Open("", "", 4'096);
  EventStream quick = Open();
  const double before = Metric("outrigger_pusher_stream_cut_off_total");
  const std::string text(200'000, 'x');

  bool cut_off = false;
  for (int i = 0; i < 200 && !cut_off; ++i) {
    SampleText("x1", kBase + i, text);
    Flush();
    ASSERT_TRUE(quick.Next()) << i;
    cut_off = Metric("outrigger_pusher_stream_cut_off_total") > before;
  }

  EXPECT_TRUE(cut_off);
  EXPECT_TRUE(slow.Ends(10s));
  Sample("x1", kBase - 1, 1);
  Flush();
  EXPECT_TRUE(quick.Next());
}

TEST_F(StreamTest, EndsWithItsToken) {
  EventStream revoked = Open();
  EventStream expiring(Pusher().url(), kPath, Credential(tenant_, SystemClock().WallMs() + 3'000));
  ASSERT_TRUE(expiring.NextOfAny(2s));

  Tell("credentials", Sha256Hex(token_), "");

  EXPECT_TRUE(revoked.Ends(2s));
  EXPECT_TRUE(expiring.Ends(5s));
}

TEST_F(StreamTest, LeavesRoomForOtherTenants) {
  std::vector<std::unique_ptr<EventStream>> streams;
  for (int i = 0; i < 64; ++i) streams.push_back(std::make_unique<EventStream>(Open()));

  EventStream over(Pusher().url(), kPath, token_);
  EventStream other(Pusher().url(), kPath, Credential("other" + tenant_));

  EXPECT_THAT(over.head(), AllOf(StartsWith("HTTP/1.1 429 "), HasSubstr("Retry-After: ")));
  EXPECT_THAT(other.head(), StartsWith("HTTP/1.1 200 "));
  streams.pop_back();
  EXPECT_TRUE(Until(5s, [&] {
    return EventStream(Pusher().url(), kPath, token_).head().starts_with("HTTP/1.1 200 ");
  }));
}

TEST_F(StreamTest, EndsCleanlyWhenTheServiceStops) {
  auto stream = std::make_unique<EventStream>(Open());
  const SteadyTime began = SystemClock().Now();

  std::future<int> code = std::async(std::launch::async, [] { return Pusher().Stop(); });
  EXPECT_TRUE(stream->Ends(5s));
  stream.reset();

  EXPECT_EQ(code.get(), 0);
  EXPECT_LT(SystemClock().Now() - began, 8s);
  Pusher().Start();
}

}  // namespace
}  // namespace outrigger::testing
