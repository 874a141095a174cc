// SPDX-License-Identifier: Apache-2.0
#include "data_collector/sample.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data_collector/telemetry_reader.h"
#include "outrigger/base/text.h"

namespace outrigger::data_collector {
namespace {

using messaging::Record;

constexpr std::int64_t kNow = 1'700'000'000'000;

Record At(std::string key, std::optional<std::string> value) {
  Record record;
  record.key = std::move(key);
  record.value = std::move(value);
  return record;
}

class SampleTest : public ::testing::Test {
 protected:
  SampleTest() {
    catalog_.Apply(At("asset-type/t/arm",
                      R"({"id":"arm","name":"Arm","telemetries":[
                        {"name":"Temperature","type":"number","unit":"Cel"},
                        {"name":"Speed","type":"number","unit":null},
                        {"name":"Label","type":"string","unit":null},
                        {"name":"On","type":"boolean"}]})"));
    catalog_.Apply(
        At("asset/t/x1",
           R"({"id":"x1","type":"arm","telemetries":[{"name":"Extra","type":"number"}]})"));
  }

  // The faults of a lone record, or the value that would be written.
  std::string Judged(const std::string& json, const SampleRules& rules = {.now_ms = kNow}) {
    const auto batch = ReadJson(json, 10);
    if (!batch) return "body:" + batch.error().code;
    const auto sample = JudgeRecord(batch->records.at(0), "t", catalog_, rules);
    if (sample) return *ToTelemetry("t", *sample, "").value;
    std::string out = sample.error().by_catalog ? "?" : "";
    for (const auto& fault : sample.error().faults)
      out += (out.size() > 1 ? " " : "") + fault.code + "@" + fault.pointer;
    return out;
  }
  std::string Id(const std::string& json, std::string_view tenant = "t") {
    const auto batch = ReadJson(json, 10);
    return SampleId(tenant,
                    JudgeRecord(batch->records.at(0), "t", catalog_, {.now_ms = kNow}).value());
  }

  CatalogView catalog_;
};

TEST_F(SampleTest, WritesValuesInTheOrderOfTheirNames) {
  EXPECT_EQ(
      Judged(R"({"asset":"x1","time":5,"values":{"Temperature":21.50,"Extra":1e3,"On":true,
                   "Label":"a\"\n\u00e9"}})"),
      "{\"asset\":\"x1\",\"time\":5,\"values\":{\"Extra\":1000,\"Label\":\"a\\\"\\u000a\xC3\xA9\","
      "\"On\":true,\"Temperature\":21.5}}");
}

TEST_F(SampleTest, TakesEveryFormOfTime) {
  const auto time_of = [&](const std::string& time) {
    const std::string out = Judged(R"({"asset":"x1",)" + time + R"("values":{"Speed":1}})");
    const auto at = out.find("\"time\":");
    return at == std::string::npos ? out : out.substr(at + 7, out.find(',', at) - at - 7);
  };
  EXPECT_EQ(time_of(""), "1700000000000");
  EXPECT_EQ(time_of("\"time\":1699999999999,"), "1699999999999");
  EXPECT_EQ(time_of("\"time\":1.699999999999e12,"), "1699999999999");
  EXPECT_EQ(time_of("\"time\":\"2023-11-14T22:13:19.5Z\","), "1699999999500");
  EXPECT_EQ(time_of("\"time\":\"2023-11-14T23:13:19.5+01:00\","), "1699999999500");
  EXPECT_EQ(time_of("\"time\":0,"), "0");
  EXPECT_EQ(time_of("\"time\":1700000300000,"), "1700000300000");
  EXPECT_EQ(time_of("\"time\":1700000300001,"), "time-ahead@/time");
  EXPECT_EQ(time_of("\"time\":9223372036854775807,"), "time-ahead@/time");
  for (const char* bad : {"-1", "1.5", "1e300", "1e400", "NaN", "true", "null", "{}", "[]", "\"\"",
                          "\"yesterday\"", "\"1700000000000\"", "9223372036854775808"})
    EXPECT_EQ(time_of(std::string("\"time\":") + bad + ","), "time@/time") << bad;
}

TEST_F(SampleTest, RefusesWhatIsOlderThanKept) {
  const SampleRules rules{.now_ms = kNow, .max_age_ms = 1'000};

  EXPECT_EQ(Judged(R"({"asset":"x1","time":1699999998999,"values":{"Speed":1}})", rules),
            "time-too-old@/time");
}

TEST_F(SampleTest, RefusesWhatTheCatalogDoesNotKnowAndSaysThatItMayYet) {
  EXPECT_EQ(Judged(R"({"asset":"x2","values":{"Speed":1}})"), "?unknown-asset@/asset");
  EXPECT_EQ(Judged(R"({"asset":"x1","values":{"Nope":1}})"), "?unknown-telemetry@/values/Nope");
  EXPECT_EQ(Judged(R"({"asset":"x1","values":{"Speed":"fast"}})"), "?type@/values/Speed");
  EXPECT_EQ(Judged(R"({"asset":"x1","values":{"Speed":true}})"), "?type@/values/Speed");
  EXPECT_EQ(Judged(R"({"asset":"x1","values":{"Speed":null}})"), "?type@/values/Speed");
  EXPECT_EQ(Judged(R"({"asset":"x1","values":{"Label":5}})"), "?type@/values/Label");
  EXPECT_EQ(Judged(R"({"asset":"x1","values":{"On":"true"}})"), "?type@/values/On");
}

TEST_F(SampleTest, RefusesWithoutTheCatalogWhatCanNeverBe) {
  EXPECT_EQ(Judged(R"({"asset":"../x1","values":{"Speed":1}})"), "unknown-asset@/asset");
  EXPECT_EQ(Judged(R"({"asset":7,"values":{"Speed":1}})"), "type@/asset");
  EXPECT_EQ(Judged(R"({"asset":"x1","values":{"a/b":1}})"), "unknown-telemetry@/values/a~1b");
  EXPECT_EQ(Judged(R"({"asset":"x1","values":{"Speed":NaN}})"), "not-finite@/values/Speed");
  EXPECT_EQ(Judged(R"({"asset":"x1","values":{"Label":"\u0000"}})"), "encoding@/values/Label");
  EXPECT_EQ(Judged(R"({"asset":"x1","id":"","values":{"Speed":1}})"), "type@/id");
  EXPECT_EQ(Judged(R"({"asset":"x1","id":5,"values":{"Speed":1}})"), "type@/id");
  EXPECT_EQ(Judged(R"({"asset":"x1","values":{"Label":")" + std::string(900'000, 'a') + "\"}}"),
            "too-large@/values");
}

TEST_F(SampleTest, TakesOnlyWhatFitsItsTopicOnceItIsEscaped) {
  const auto label = [&](std::string_view escape, int times) {
    std::string text;
    for (int i = 0; i < times; ++i) text += escape;
    return Judged(R"({"asset":"x1","time":1,"values":{"Label":")" + text + "\"}}");
  };
  EXPECT_LT(label("a", 890'000).size(), 950'000U);
  EXPECT_LT(label("\\u0001", 149'000).size(), 950'000U);
  EXPECT_EQ(label("\\u0001", 151'000), "too-large@/values");
  EXPECT_EQ(label("\\\"", 451'000), "too-large@/values");
}

TEST_F(SampleTest, TellsEveryFaultOfARecord) {
  EXPECT_EQ(Judged(R"({"asset":"x1","time":"x","id":5,"bogus":1,"values":{"Speed":"a","Nope":1}})"),
            "?unknown-field@/bogus time@/time type@/id unknown-telemetry@/values/Nope "
            "type@/values/Speed");
}

TEST_F(SampleTest, ConvertsUnits) {
  EXPECT_THAT(
      Judged(R"({"asset":"x1","values":{"Temperature":212},"units":{"Temperature":"[degF]"}})"),
      ::testing::HasSubstr("\"Temperature\":100"));
  EXPECT_THAT(Judged(R"({"asset":"x1","values":{"Temperature":1},"units":{"Temperature":"Cel"}})"),
              ::testing::HasSubstr("\"Temperature\":1}"));
  EXPECT_THAT(Judged(R"({"asset":"x1","values":{"Speed":1},"units":{"Temperature":"K"}})"),
              ::testing::HasSubstr("\"Speed\":1}"));
}

TEST_F(SampleTest, RefusesUnitsThatDoNotConvert) {
  const auto with = [&](const std::string& units) {
    return Judged(R"({"asset":"x1","values":{"Temperature":1,"Speed":1,"Label":"a"},"units":)" +
                  units + "}");
  };
  EXPECT_EQ(with(R"({"Temperature":"m"})"), "?unit@/units/Temperature");
  EXPECT_EQ(with(R"({"Temperature":"no-such"})"), "?unit@/units/Temperature");
  EXPECT_EQ(with(R"({"Temperature":5})"), "type@/units/Temperature");
  EXPECT_EQ(with(R"({"Temperature":"K)" + std::string(256, '1') + "\"}"),
            "unit@/units/Temperature");
  EXPECT_EQ(with(R"({"Speed":"m/s"})"), "?unit@/units/Speed");
  EXPECT_EQ(with(R"({"Label":"m"})"), "?unit@/units/Label");
  EXPECT_EQ(with(R"({"Nope":"m"})"), "?unknown-telemetry@/units/Nope");
}

TEST_F(SampleTest, IsTheSameSampleByTimeAndValues) {
  const std::string id = Id(R"({"asset":"x1","time":5,"values":{"Speed":1,"Label":"a"}})");

  EXPECT_EQ(id.size(), 32u);
  EXPECT_EQ(id, Sha256Hex(std::string("t\0x1\0"
                                      "5\0Label\0a\0Speed\0"
                                      "1",
                                      22))
                    .substr(0, 32));
  EXPECT_EQ(id, Id(R"({"values":{"Label":"\u0061","Speed":1.0},"asset":"x1","time":5})"));
  EXPECT_NE(id, Id(R"({"asset":"x1","time":6,"values":{"Speed":1,"Label":"a"}})"));
  EXPECT_NE(id, Id(R"({"asset":"x1","time":5,"values":{"Speed":2,"Label":"a"}})"));
  EXPECT_NE(id, Id(R"({"asset":"x1","time":5,"values":{"Speed":1}})"));
  EXPECT_NE(id, Id(R"({"asset":"x1","time":5,"values":{"Speed":1,"Label":"a"}})", "u"));
}

TEST_F(SampleTest, IsTheSameSampleByTheSendersId) {
  const std::string id = Id(R"({"asset":"x1","id":"q","time":5,"values":{"Speed":1}})");

  EXPECT_EQ(id, Sha256Hex(std::string("t\0x1\0q", 6)).substr(0, 32));
  EXPECT_EQ(id, Id(R"({"asset":"x1","id":"q","time":6,"values":{"Speed":2}})"));
}

TEST_F(SampleTest, CarriesTenantAndIdentityInHeaders) {
  Sample sample{"x1", 5, "q", {{"Speed", 1.0}}};

  const auto record = ToTelemetry("t", sample, "");

  EXPECT_EQ(record.topic, "telemetry");
  EXPECT_EQ(record.key, "t/x1");
  EXPECT_EQ(messaging::FindHeader(record.headers, "tenant"), "t");
  EXPECT_EQ(messaging::FindHeader(record.headers, "ce_id"), SampleId("t", sample));
  EXPECT_EQ(messaging::FindHeader(record.headers, "ce_source"), "/data_collector");
  EXPECT_EQ(messaging::FindHeader(record.headers, "ce_type"), "dev.outrigger.telemetry.v1");
  EXPECT_EQ(messaging::FindHeader(record.headers, "ce_time"), "1970-01-01T00:00:00.005Z");
}

TEST_F(SampleTest, FollowsTheCatalog) {
  catalog_.Apply(At("asset/u/x1", R"({"id":"x1","type":"arm"})"));
  EXPECT_FALSE(catalog_.Find("u", "x1")) << "the type is another tenant's";
  catalog_.Apply(At("asset-type/t/arm", R"({"telemetries":[{"name":"Speed","type":"string"}]})"));
  EXPECT_EQ(Judged(R"({"asset":"x1","values":{"Speed":1}})"), "?type@/values/Speed");
  catalog_.Apply(At("asset/t/x1", std::nullopt));
  EXPECT_EQ(Judged(R"({"asset":"x1","values":{"Speed":"a"}})"), "?unknown-asset@/asset");
  catalog_.Apply(At("asset/t/x1", "{broken"));
  catalog_.Apply(At("route/t/d", "{}"));
  EXPECT_EQ(catalog_.assets(), 1u);
}

}  // namespace
}  // namespace outrigger::data_collector
