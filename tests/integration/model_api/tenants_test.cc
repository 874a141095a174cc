// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "api_fixture.h"

namespace outrigger::model_api {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const Json kNinety = {
    {"retention", {{"historyDays", 90}}}
};

class TenantsTest : public ApiFixture {
 protected:
  // The settings that went out for this tenant, oldest first; "": a tombstone.
  std::vector<std::string> Announced(const std::string& tenant) {
    const auto rows = worker_->Run(std::nullopt, [&](store::Transaction& transaction) {
      return transaction.Query(
          "SELECT coalesce(value, '') FROM outbox WHERE topic = 'catalog' AND key = $1 ORDER BY id",
          {std::string("tenant/") + tenant + "/settings"});
    });
    std::vector<std::string> values;
    for (const store::Row& row : *rows) values.push_back(row.Text(0));
    return values;
  }
};

TEST_F(TenantsTest, KeepTheirHistoryForEverUnlessToldOtherwise) {
  ASSERT_EQ(Post("/tenants",
                 {
                     {"id", "acme"}
  })
                .status,
            201);

  EXPECT_EQ(Get("/tenants/acme").body, (Json{
                                           {"id", "acme"}
  }));
  EXPECT_THAT(Announced("acme"), IsEmpty());
}

TEST_F(TenantsTest, TellTheDataPlaneHowLongTheyKeepHistory) {
  const Json made = {
      {"id",        "acme"               },
      {"retention", {{"historyDays", 30}}}
  };
  EXPECT_EQ(Post("/tenants", made).body, made);

  const Heard put = Put("/tenants/acme", kNinety);

  EXPECT_EQ(put.status, 200) << put.text;
  EXPECT_EQ(put.body, (Json{
                          {"id",        "acme"               },
                          {"retention", {{"historyDays", 90}}}
  }));
  EXPECT_EQ(Get("/tenants/acme").body, put.body);
  EXPECT_THAT(Get("/tenants").body["items"], Contains(put.body));
  EXPECT_EQ(Put("/tenants/acme", Json::object()).body, (Json{
                                                           {"id", "acme"}
  }));
  EXPECT_THAT(Announced("acme"), ElementsAre(R"({"retention":{"historyDays":30}})",
                                             R"({"retention":{"historyDays":90}})", ""));
}

TEST_F(TenantsTest, AreChangedByAPlatformAdminAndReadByTheirOwn) {
  const Said own{.token = MakeTenant("acme", "admin")};
  const Said stranger{.token = MakeTenant("other", "admin")};

  EXPECT_EQ(Put("/tenants/acme", kNinety, own).status, 403);
  EXPECT_EQ(Put("/tenants/acme", kNinety).status, 200);
  EXPECT_EQ(Get("/tenants/acme", own).status, 200);
  EXPECT_EQ(Get("/tenants/acme", stranger).status, 404);
  EXPECT_EQ(Get("/tenants/acme", stranger).text, Get("/tenants/nobody", stranger).text);
  EXPECT_EQ(Put("/tenants/nobody", kNinety).status, 404);
}

TEST_F(TenantsTest, SayWhatIsWrongWithARetention) {
  ASSERT_EQ(Post("/tenants",
                 {
                     {"id", "acme"}
  })
                .status,
            201);
  const auto pointers = [&](const Json& retention) {
    const Heard heard = Put("/tenants/acme", {
                                                 {"retention", retention}
    });
    EXPECT_EQ(heard.status, 422) << heard.text;
    return heard.Pointers();
  };

  for (const Json& days : {Json(0), Json(-1), Json(36'501), Json(1e30), Json("90"), Json(1.5)}) {
    EXPECT_THAT(pointers({
                    {"historyDays", days}
    }),
                ElementsAre("/retention/historyDays"))
        << days;
  }
  EXPECT_THAT(pointers({
                  {"days", 90}
  }),
              ElementsAre("/retention/days"));
  EXPECT_THAT(pointers(90), ElementsAre("/retention"));
  EXPECT_THAT(Put("/tenants/acme",
                  {
                      {"id", "other"}
  })
                  .Pointers(),
              ElementsAre("/id"));
  EXPECT_THAT(Announced("acme"), IsEmpty());
}

TEST_F(TenantsTest, RefuseAChangeOfWhatIsNoLongerSo) {
  ASSERT_EQ(Post("/tenants",
                 {
                     {"id", "acme"}
  })
                .status,
            201);
  const std::string etag = Get("/tenants/acme").Header("etag");
  const Said matching{.headers = {{"If-Match", etag}}};

  EXPECT_EQ(Put("/tenants/acme", kNinety, matching).status, 200);
  EXPECT_EQ(Put("/tenants/acme", Json::object(), matching).status, 412);
}

}  // namespace
}  // namespace outrigger::model_api
