// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "outrigger/base/text.h"
#include "pusher_fixture.h"

namespace outrigger::testing {
namespace {

using namespace std::chrono_literals;  // NOLINT
using nlohmann::json;
using ::testing::HasSubstr;

constexpr std::int64_t kBase = 1'790'000'000'000;

class QueriesTest : public PusherTest {
 protected:
  void SetUp() override {
    PusherTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    DefineAssets({"x1", "silent"});
    for (int i = 0; i < 20; ++i) Sample("x1", kBase + i * 1'000, i);
    Flush();
    ASSERT_TRUE(Until(60s, [&] { return History("x1", "Temperature").size() == 20; }));
  }
  json Points(const std::string& query) {
    return Json("/api/v1/assets/x1/telemetry/Temperature?" + query)["points"];
  }
};

TEST_F(QueriesTest, RefuseStrangersBeforeTheySayAnythingElse) {
  const http::Reply unknown = Get("/api/v1/assets/none/latest", "wrong");
  EXPECT_EQ(unknown.status, 401);
  EXPECT_THAT(unknown.Header("content-type"), HasSubstr("application/problem+json"));
  Tell("credentials", Sha256Hex("old-" + tenant_),
       json{
           {"tenant",  tenant_ },
           {"name",    "o"     },
           {"role",    "viewer"},
           {"expires", 1'000   }
  }
           .dump());
  EXPECT_EQ(Get("/api/v1/assets/x1/latest", "old-" + tenant_).status, 401);
  Tell("credentials", Sha256Hex(token_), "");
  EXPECT_TRUE(Until(10s, [&] { return Get("/api/v1/assets/x1/latest").status == 401; }));
}

TEST_F(QueriesTest, AnswerForAnotherTenantsAssetAsForAMissingOne) {
  const std::string stranger = "other-" + tenant_;
  Tell("credentials", Sha256Hex(stranger),
       json{
           {"tenant",  "nobody"},
           {"name",    "o"     },
           {"role",    "admin" },
           {"expires", nullptr }
  }
           .dump());

  for (const std::string path :
       {"/latest", "/telemetry/Temperature", "/telemetry/Temperature?limit=x"}) {
    const http::Reply foreign = Get("/api/v1/assets/x1" + path, stranger);
    const http::Reply missing = Get("/api/v1/assets/none" + path);
    EXPECT_EQ(foreign.status, 404);
    EXPECT_EQ(missing.status, 404);
    EXPECT_EQ(foreign.body, missing.body);
  }
  EXPECT_EQ(Get("/api/v1/assets/x1/telemetry/Bogus").status, 404);
  EXPECT_EQ(Get("/api/v1/models/unknown/outputs").status, 404);
}

TEST_F(QueriesTest, SeeAnAssetAtOnceWhenItWasMade) {
  for (int i = 0; i < 5; ++i) {
    const std::string asset = "fresh" + std::to_string(i);
    DefineAssets({asset});
    EXPECT_EQ(Json("/api/v1/assets/" + asset + "/latest"),
              (json{
                  {"asset",  asset         },
                  {"values", json::object()}
    }));
  }
}

TEST_F(QueriesTest, ReadSpansWithAnInclusiveBeginAndAnExclusiveEnd) {
  const std::string from = "from=" + std::to_string(kBase + 2'000);
  const std::string to = "&to=" + std::to_string(kBase + 4'000);

  EXPECT_EQ(Points(from + to), (json{
                                   {kBase + 2'000, 2},
                                   {kBase + 3'000, 3}
  }));
  EXPECT_EQ(Points(from + to + "&order=desc"), (json{
                                                   {kBase + 3'000, 3},
                                                   {kBase + 2'000, 2}
  }));
  EXPECT_EQ(Points("from=2026-09-21T14:13:35Z"), Points("from=1790000015000"));
  EXPECT_EQ(Points(from + "&to=" + std::to_string(kBase + 2'000)), json::array());
}

TEST_F(QueriesTest, PageInBothDirectionsWithoutRepeatOrHole) {
  for (const std::string order : {"asc", "desc"}) {
    std::vector<std::int64_t> times;
    std::string next;
    do {
      const json page = Json("/api/v1/assets/x1/telemetry/Temperature?limit=7&order=" + order +
                             (next.empty() ? "" : "&continue=" + next));
      for (const json& point : page["points"]) times.push_back(point[0]);
      next = page.value("continue", "");
    } while (!next.empty() && times.size() < 100);
    EXPECT_EQ(times.size(), 20U);
    if (order == "desc") std::ranges::reverse(times);
    EXPECT_TRUE(std::ranges::is_sorted(times));
  }
}

TEST_F(QueriesTest, Aggregate) {
  const std::string span = "&interval=10000&from=" + std::to_string(kBase);

  EXPECT_EQ(Points("aggregate=avg" + span), (json{
                                                {kBase,          4.5 },
                                                {kBase + 10'000, 14.5}
  }));
  EXPECT_EQ(Points("aggregate=count" + span + "&order=desc&limit=1"), (json{
                                                                          {kBase + 10'000, 10}
  }));
  EXPECT_EQ(Get("/api/v1/assets/x1/telemetry/Temperature?aggregate=avg").status, 422);
  EXPECT_EQ(Get("/api/v1/assets/x1/telemetry/Temperature?aggregate=median&interval=5").status, 422);
  EXPECT_EQ(Get("/api/v1/assets/x1/telemetry/Level?aggregate=avg&interval=5").status, 422);
  EXPECT_EQ(Json("/api/v1/assets/x1/telemetry/Level?aggregate=last&interval=5")["points"],
            json::array());
}

TEST_F(QueriesTest, AreRefusedWithTheirEstimateWhenTheyWouldReadTooMuch) {
  constexpr int kMost = 5'000;  // max_query_rows of this pusher
  for (int i = 20; i <= kMost; ++i) Sample("x1", kBase + i * 1'000, i);
  Flush();
  const std::string path = "/api/v1/assets/x1/telemetry/Temperature?aggregate=count&interval=60000";
  ASSERT_TRUE(Until(60s, [&] { return Get(path).status == 422; }));

  const json refusal = json::parse(Get(path).body);
  EXPECT_THAT(refusal.value("type", ""), ::testing::EndsWith("/too-much"));
  const std::string detail = refusal["detail"];
  EXPECT_THAT(detail, HasSubstr("at most 5000"));
  EXPECT_GE(std::stoi(detail.substr(detail.find("about ") + 6)), kMost + 1) << detail;
  const std::string to = "&to=" + std::to_string(kBase + kMost * 1'000);
  EXPECT_EQ(Get(path + to).status, 200) << "just as much as is allowed";
  EXPECT_EQ(Get("/api/v1/assets/x1/telemetry/Temperature").status, 200) << "a page is bounded";
}

TEST_F(QueriesTest, WriteCsv) {
  const http::Reply reply = Get("/api/v1/assets/x1/telemetry/Temperature?format=csv&limit=2");

  EXPECT_EQ(reply.status, 200);
  EXPECT_THAT(reply.Header("content-type"), HasSubstr("text/csv"));
  EXPECT_EQ(reply.body, "time,value\r\n1790000000000,0\r\n1790000001000,1\r\n");
  EXPECT_NE(reply.Header("outrigger-continue"), "");
}

TEST_F(QueriesTest, TellWhatIsWrongWithAQuery) {
  const http::Reply reply = Get(
      "/api/v1/assets/x1/telemetry/Temperature?from=soon&order=up&continue=x&format=xml&limit=y");

  EXPECT_EQ(reply.status, 422);
  for (const char* pointer : {"/from", "/order", "/continue", "/format", "/limit"}) {
    EXPECT_THAT(reply.body, HasSubstr(std::string("\"") + pointer + "\""));
  }
}

}  // namespace
}  // namespace outrigger::testing
