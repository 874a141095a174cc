// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "data_pusher/credential_view.h"
#include "data_pusher/cursor.h"
#include "data_pusher/page.h"
#include "data_pusher/query_answers.h"
#include "data_pusher/query_parameters.h"
#include "outrigger/store/history_sql.h"

namespace outrigger::data_pusher {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

http::Request With(std::vector<std::pair<std::string, std::string>> query) {
  http::Request request;
  request.query = std::move(query);
  return request;
}

TEST(Cursor, ReadsBackWhatItWrote) {
  EXPECT_EQ(*ParsePointCursor(PointCursor(-5)), -5);
  store::OutputRow row;
  row.time = 7;
  row.position = 3;
  row.identity = "d1/0:1|2/x1";

  const auto place = ParseOutputCursor(OutputCursor(row));

  ASSERT_TRUE(place.ok());
  EXPECT_EQ(place->time, 7);
  EXPECT_EQ(place->position, 3);
  EXPECT_EQ(place->identity, row.identity);
}

TEST(Cursor, RefusesWhatItDidNotWrite) {
  for (const char* text : {"", "x", "%%", "cDF8", "bzF8MXwy", "123"}) {
    EXPECT_FALSE(ParsePointCursor(text).ok()) << text;
    EXPECT_FALSE(ParseOutputCursor(text).ok()) << text;
  }
  EXPECT_FALSE(ParseOutputCursor(PointCursor(1)).ok());
}

class PageTest : public ::testing::Test {
 protected:
  // Texts of `sizes`, read as a store does.
  Page<std::string> Read(const std::vector<std::size_t>& sizes, const PageLimits& limits) {
    const auto read = [&](const std::string* last, std::size_t count) {
      most_ = std::max(most_, count);
      std::size_t next = last == nullptr ? 0 : last->front() - 'a' + 1;
      std::vector<std::string> rows;
      for (; next < sizes.size() && rows.size() < count; ++next)
        rows.emplace_back(sizes[next], static_cast<char>('a' + next));
      return Result<std::vector<std::string>>(std::move(rows));
    };
    return *ReadPage<std::string>(limits, read, [](const std::string& row) { return row.size(); });
  }
  std::size_t most_ = 0;
};

TEST_F(PageTest, EndsAtItsNumberOfRowsAndSaysWhetherThereIsMore) {
  const std::vector<std::size_t> ten(10, 1);

  EXPECT_EQ(Read(ten, {.rows = 9}).rows.size(), 9U);
  EXPECT_TRUE(Read(ten, {.rows = 9}).more);
  EXPECT_EQ(Read(ten, {.rows = 10}).rows.size(), 10U);
  EXPECT_FALSE(Read(ten, {.rows = 10}).more);
  EXPECT_FALSE(Read({}, {.rows = 10}).more);
  EXPECT_TRUE(Read(ten, {.rows = 9, .first_step = 3}).more);
  EXPECT_EQ(Read(ten, {.rows = 9, .first_step = 3}).rows.back(), "i");
  EXPECT_FALSE(Read(ten, {.rows = 11, .first_step = 5}).more);
}

TEST_F(PageTest, EndsWithTheRowThatReachesItsBytes) {
  const auto page = Read({10, 10, 10, 10}, {.rows = 100, .bytes = 25, .first_step = 2});

  EXPECT_EQ(page.rows.size(), 3U);
  EXPECT_TRUE(page.more);
  EXPECT_LE(most_, 3U) << "what does not fit is not read";
  EXPECT_FALSE(Read({10, 10, 10}, {.rows = 100, .bytes = 25, .first_step = 2}).more);
  EXPECT_EQ(Read({90, 1}, {.rows = 100, .bytes = 25}).rows.size(), 1U) << "at least one";
}

TEST(QueryParameters, TakesTimesInBothForms) {
  const http::Request request = With({
      {"from", "1700000000000"            },
      {"to",   "2023-11-14T23:13:20 01:00"}
  });
  QueryParameters parameters(request);

  EXPECT_EQ(parameters.Time("from"), 1'700'000'000'000);
  EXPECT_EQ(parameters.Time("to"), 1'700'000'000'000);
  EXPECT_EQ(parameters.Time("other"), std::nullopt);
  EXPECT_FALSE(parameters.Refusal().has_value());
}

TEST(QueryParameters, ClampsTheLimit) {
  for (const auto& [text, limit] : {
           std::pair{"0",                    1U    },
           std::pair{"-5",                   1U    },
           std::pair{"7",                    7U    },
           std::pair{"5000",                 1'000U},
           std::pair{"99999999999999999999", 1'000U}
  }) {
    const http::Request request = With({
        {"limit", text}
    });
    QueryParameters parameters(request);
    EXPECT_EQ(parameters.Limit(), limit) << text;
    EXPECT_FALSE(parameters.Refusal().has_value());
  }
  const http::Request none = With({});
  EXPECT_EQ(QueryParameters(none).Limit(), 100U);
}

TEST(QueryParameters, TellsEveryFaultAtOnce) {
  const http::Request request = With({
      {"from",     "yesterday"},
      {"limit",    "many"     },
      {"order",    "up"       },
      {"interval", "0"        }
  });
  QueryParameters parameters(request);
  parameters.Time("from");
  parameters.Limit();
  parameters.Descending();
  parameters.PositiveMs("interval");

  const auto refusal = parameters.Refusal();

  ASSERT_TRUE(refusal.has_value());
  EXPECT_EQ(refusal->status, 422);
  for (const char* pointer : {"/from", "/limit", "/order", "/interval"}) {
    EXPECT_THAT(refusal->body, HasSubstr(pointer));
  }
}

TEST(QueryAnswers, WritesPointsOfEveryKind) {
  const std::vector<store::AggregatePoint> points = {
      {1, 2.5                },
      {2, 3.0                },
      {3, std::string("a\"b")},
      {4, true               },
      {5, std::nullopt       }
  };

  const auto answer = PointsAnswer(points, "next", false);

  EXPECT_EQ(answer.body,
            R"({"points":[[1,2.5],[2,3],[3,"a\"b"],[4,true],[5,null]],"continue":"next"})");
  EXPECT_EQ(PointsAnswer({}, std::nullopt, false).body, R"({"points":[]})");
}

TEST(QueryAnswers, WritesCsvThatASpreadsheetReads) {
  const std::vector<store::AggregatePoint> points = {
      {1, 2.5                   },
      {2, std::string("a,\"b\"")},
      {3, false                 },
      {4, std::nullopt          }
  };

  const auto answer = PointsAnswer(points, "next", true);

  EXPECT_EQ(answer.body, "time,value\r\n1,2.5\r\n2,\"a,\"\"b\"\"\"\r\n3,false\r\n4,\r\n");
  EXPECT_THAT(answer.content_type, HasSubstr("text/csv"));
  EXPECT_EQ(answer.headers.at(0).second, "next");
}

TEST(QueryAnswers, WritesNoCsvThatASpreadsheetWouldRun) {
  const std::vector<store::AggregatePoint> points = {
      {1, std::string("=HYPERLINK(\"x\")")},
      {2, std::string("+1")               },
      {3, std::string("-1")               },
      {4, std::string("@a")               },
      {5, std::string("\ta")              },
      {6, std::string("\ra")              },
      {7, -1.5                            },
      {8, std::string("a=b")              }
  };

  EXPECT_EQ(PointsAnswer(points, std::nullopt, true).body,
            "time,value\r\n1,\"'=HYPERLINK(\"\"x\"\")\"\r\n2,\"'+1\"\r\n3,\"'-1\"\r\n"
            "4,\"'@a\"\r\n5,\"'\ta\"\r\n6,\"'\ra\"\r\n7,-1.5\r\n8,a=b\r\n");
}

TEST(QueryAnswers, WritesOutputsAsTheContractSays) {
  store::OutputRow row;
  row.asset = "x1";
  row.time = 5;
  row.values = R"({"score": 1})";
  row.version = "1";
  row.deployment = "d1";
  row.request_id = "r";

  EXPECT_EQ(OutputsAnswer({row}, std::nullopt).body,
            R"({"items":[{"assetId":"x1","time":5,"values":{"score": 1},"version":"1",)"
            R"("digest":"","deployment":"d1","window":null,"requestId":"r"}]})");
  row.window = {1, 2};
  EXPECT_THAT(OutputsAnswer({row}, std::nullopt).body,
              HasSubstr(R"("window":{"start":1,"end":2})"));
}

TEST(QueryAnswers, ShowsAnAssetThatNeverSpokeWithoutValues) {
  EXPECT_EQ(LatestAnswer("x1", {}).body, R"({"asset":"x1","values":{}})");
  EXPECT_EQ(LatestAnswer("x1",
                         {
                             {"T", {5, 1.5}}
  })
                .body,
            R"({"asset":"x1","values":{"T":{"time":5,"value":1.5}}})");
}

TEST(HistorySql, NeverPutsAValueOfTheQueryIntoItsText) {
  store::AggregateQuery query;
  query.points.tenant = TenantId("te'nant");
  query.points.asset = AssetId("as'set");
  query.points.telemetry = "tele'metry";
  query.points.from = 123'456;
  query.points.after = 777'000;
  query.interval = 54'321;

  for (const auto& sql :
       {store::PointsStatement(query.points).sql, store::AggregateStatement(query).sql,
        store::TouchedStatement(query).sql}) {
    for (const char* value : {"'", "123456", "777000", "54321"}) {
      EXPECT_THAT(sql, Not(HasSubstr(value)));
    }
  }
}

TEST(HistorySql, TakesEveryAggregateByItsName) {
  for (const char* name : {"avg", "min", "max", "sum", "count", "first", "last", "stddev"}) {
    EXPECT_TRUE(store::AggregateFrom(name).has_value()) << name;
  }
  EXPECT_FALSE(store::AggregateFrom("median").has_value());
}

TEST(HistorySql, EscapesElementsOfAnArray) {
  const std::vector<std::optional<std::string>> elements = {"a", std::nullopt, "q\"\\,{}", "",
                                                            "NULL"};

  EXPECT_EQ(store::ArrayLiteral(elements), R"({"a",NULL,"q\"\\,{}","","NULL"})");
}

TEST(Credential, IsReadAsTheTopicCarriesIt) {
  const auto credential =
      ParseCredential(R"({"tenant":"t1","name":"n","role":"operator","expires":5})");
  ASSERT_TRUE(credential.ok());
  EXPECT_EQ(credential->tenant, "t1");
  EXPECT_EQ(credential->role, http::Role::kOperator);
  EXPECT_EQ(credential->expires_ms, 5);
  EXPECT_FALSE(ParseCredential(R"({"tenant":"t1","name":"n","role":"king","expires":5})").ok());
}

}  // namespace
}  // namespace outrigger::data_pusher
