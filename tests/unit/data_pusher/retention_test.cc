// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "catalog_records.h"

namespace outrigger::data_pusher {
namespace {

using testing::CatalogRecord;

constexpr std::int64_t kDay = 86'400'000;
constexpr std::int64_t kNow = 1'790'000'000'000;
constexpr char kNinety[] = R"({"retention":{"historyDays":90}})";

TEST(KeptFrom, IsAllUnlessTheTenantSaidSo) {
  CatalogBuilder catalog = testing::SmallCatalog();
  catalog.Apply(CatalogRecord("tenant/t2/settings", kNinety, 5));

  const SnapshotPtr snapshot = catalog.Publish();

  EXPECT_EQ(snapshot->KeptFrom("t1", kNow), std::nullopt);
  EXPECT_EQ(snapshot->KeptFrom("t2", kNow), kNow - 90 * kDay);
  EXPECT_THAT(snapshot->KeptFrom(kNow),
              ::testing::ElementsAre(::testing::Pair("t2", kNow - 90 * kDay)));
}

TEST(KeptFrom, FollowsTheLastWordOfTheCatalog) {
  CatalogBuilder catalog;
  catalog.Apply(CatalogRecord("tenant/t1/settings", kNinety, 1));
  catalog.Apply(CatalogRecord("tenant/t1/settings", R"({"retention":{"historyDays":7}})", 2));
  EXPECT_EQ(catalog.Publish()->KeptFrom("t1", kNow), kNow - 7 * kDay);

  catalog.Apply(CatalogRecord("tenant/t1/settings", "", 3));
  EXPECT_EQ(catalog.Publish()->KeptFrom("t1", kNow), std::nullopt);
}

TEST(KeptFrom, IsAllWhereNobodyCanReadTheSetting) {
  for (const char* value : {"nonsense", "{}", R"({"retention":{"historyDays":0}})",
                            R"({"retention":{"historyDays":"7"}})", R"({"retention":null})"}) {
    CatalogBuilder catalog;
    catalog.Apply(CatalogRecord("tenant/t1/settings", kNinety, 1));
    catalog.Apply(CatalogRecord("tenant/t1/settings", value, 2));
    EXPECT_EQ(catalog.Publish()->KeptFrom("t1", kNow), std::nullopt) << value;
  }
}

}  // namespace
}  // namespace outrigger::data_pusher
