// SPDX-License-Identifier: Apache-2.0
#include "data_pusher/projection.h"

#include <gmock/gmock.h>

#include <map>

#include "catalog_records.h"

namespace outrigger::data_pusher {
namespace {

using testing::CatalogRecord;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using testing::SampleRecord;
using testing::SmallCatalog;

// Topic and subject → value.
std::multimap<std::string, std::string> Fed(const std::string& key, const std::string& value,
                                            const SnapshotPtr& catalog) {
  SampleParser parser;
  messaging::Record record = SampleRecord(key, value);
  const Result<const Sample*> sample = parser.Parse(record);
  EXPECT_TRUE(sample.ok()) << sample.error().ToString();
  std::multimap<std::string, std::string> fed;
  Project(**sample, *catalog, [&](FeedRecord feed) {
    fed.emplace(feed.route->feed_topic + " " + std::string(feed.subject), feed.value);
  });
  return fed;
}

TEST(Projection, PutsEveryInputOfASampleIntoOneRecordInTheInputsUnits) {
  const auto fed = Fed("t1/x1", R"({"asset":"x1","time":5,"values":{"Temperature":10,"Other":1}})",
                       SmallCatalog().Publish());

  EXPECT_THAT(
      fed,
      ElementsAre(Pair("feed.t1.m.d1 x1", R"({"subject":"x1","time":5,"values":{"temp":50}})"),
                  Pair("feed.t1.n.d2 line", R"({"subject":"line","time":5,"values":{"a":10}})")));
}

TEST(Projection, FeedsEverySubjectOfAModelThatTheAssetServes) {
  const auto fed = Fed("t1/x1", R"({"time":5,"values":{"Temperature":1e2,"Speed":7}})",
                       SmallCatalog().Publish());

  EXPECT_THAT(
      fed,
      ElementsAre(
          Pair("feed.t1.m.d1 x1", R"({"subject":"x1","time":5,"values":{"speed":7,"temp":212}})"),
          Pair("feed.t1.n.d2 line", R"({"subject":"line","time":5,"values":{"a":1e2}})"),
          Pair("feed.t1.n.d2 x1", R"({"subject":"x1","time":5,"values":{"a":7}})")));
}

TEST(Projection, FeedsNobodyWhoseInputsAreNotInTheSample) {
  EXPECT_THAT(Fed("t1/x1", R"({"time":5,"values":{"Level":"high"}})", SmallCatalog().Publish()),
              IsEmpty());
}

TEST(Projection, KeepsTenantsApart) {
  EXPECT_THAT(Fed("t2/x1", R"({"time":5,"values":{"Temperature":1}})", SmallCatalog().Publish()),
              IsEmpty());
}

TEST(Projection, FeedsNoClosedRoute) {
  CatalogBuilder catalog = SmallCatalog();
  std::string closed = testing::kRouteByType;
  closed.replace(closed.find("\"open\":true"), 11, "\"open\":false");
  catalog.Apply(CatalogRecord("route/t1/d1", closed, 5));
  catalog.Apply(CatalogRecord("route/t1/d2", "", 6));

  const SnapshotPtr snapshot = catalog.Publish();

  EXPECT_THAT(Fed("t1/x1", R"({"time":5,"values":{"Temperature":1}})", snapshot), IsEmpty());
  EXPECT_NE(snapshot->routes.Find("t1/d1"), nullptr) << "late outputs still need its mapping";
  EXPECT_EQ(snapshot->routes.Find("t1/d2"), nullptr);
  EXPECT_EQ(snapshot->routes_of_model.Find("t1/n"), nullptr);
  EXPECT_EQ(snapshot->revision, 6);
}

TEST(Projection, LeavesAnEarlierSnapshotAsItWas) {
  CatalogBuilder catalog = SmallCatalog();
  const SnapshotPtr before = catalog.Publish();
  catalog.Apply(CatalogRecord("asset/t1/x1", "", 5));
  const SnapshotPtr after = catalog.Publish();

  EXPECT_NE(before->assets.Find("t1/x1"), nullptr);
  EXPECT_EQ(after->assets.Find("t1/x1"), nullptr);
  EXPECT_EQ(after->KindOf("t1", **before->assets.Find("t1/x1"), "Level"), ValueKind::kString);
  EXPECT_EQ(after->KindOf("t1", **before->assets.Find("t1/x1"), "Door"), ValueKind::kBoolean);
}

TEST(Projection, LeavesOutANumberThatTheUnitTakesBeyondTheRangeOfADouble) {
  const auto fed = Fed("t1/x1", R"({"time":5,"values":{"Temperature":1.7e308,"Speed":1}})",
                       SmallCatalog().Publish());

  EXPECT_THAT(fed.find("feed.t1.m.d1 x1")->second,
              R"({"subject":"x1","time":5,"values":{"speed":1}})");
}

TEST(Sample, RefusesWhatIsNoTelemetry) {
  SampleParser parser;
  for (const char* value :
       {"", "{", "[]", R"({"values":{"a":1}})", R"({"time":"x","values":{}})",
        R"({"time":1,"values":{"a":null}})", R"({"time":1,"values":{"a":{}}})",
        R"({"time":1,"values":{"a":1e999}})", R"({"time":1,"values":{"a":"\u0000"}})",
        R"({"time":1,"values":{"a":1}} trailing)"}) {
    messaging::Record record = SampleRecord("t1/x1", value);
    EXPECT_FALSE(parser.Parse(record).ok()) << value;
  }
  messaging::Record keyless = SampleRecord("t1", R"({"time":1,"values":{"a":1}})");
  EXPECT_FALSE(parser.Parse(keyless).ok());
}

TEST(Sample, ReadsEveryKindOfValue) {
  SampleParser parser;
  messaging::Record record =
      SampleRecord("t1/x1", R"({"time":-3,"values":{"n":1.5,"s":"a\"\u00e9","b":true}})");

  const Result<const Sample*> sample = parser.Parse(record);

  ASSERT_TRUE(sample.ok());
  EXPECT_EQ((*sample)->tenant, "t1");
  EXPECT_EQ((*sample)->asset, "x1");
  EXPECT_EQ((*sample)->time, -3);
  ASSERT_EQ((*sample)->values.size(), 3U);
  EXPECT_EQ((*sample)->values[0].ToHistory(), store::HistoryValue(1.5));
  EXPECT_EQ((*sample)->values[1].ToHistory(), store::HistoryValue(std::string("a\"é")));
  EXPECT_EQ((*sample)->values[2].ToHistory(), store::HistoryValue(true));
}

}  // namespace
}  // namespace outrigger::data_pusher
