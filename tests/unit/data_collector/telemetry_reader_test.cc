// SPDX-License-Identifier: Apache-2.0
#include "data_collector/telemetry_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "outrigger/base/json.h"

namespace outrigger::data_collector {
namespace {

using Kind = RawValue::Kind;

std::string Codes(const RawRecord& record) {
  std::string out;
  for (const auto& fault : record.faults)
    out += (out.empty() ? "" : " ") + fault.code + "@" + fault.pointer;
  return out;
}

// Faults of a lone record.
std::string CodesOf(std::string_view json) {
  const auto batch = ReadJson(json, 10);
  return batch ? Codes(batch->records.at(0)) : "body:" + batch.error().code;
}

TEST(TelemetryReaderTest, ReadsALoneRecord) {
  const auto batch = ReadJson(
      R"( {"id":"i","values":{"b":-1.5e1,"a":"x\u00e9\ud83d\ude00","c":true},"time":7,"asset":"x1"} )",
      10);

  ASSERT_TRUE(batch);
  EXPECT_TRUE(batch->lone);
  const RawRecord& record = batch->records.at(0);
  EXPECT_EQ(Codes(record), "");
  EXPECT_EQ(record.asset->text, "x1");
  EXPECT_EQ(record.time->integer, 7);
  EXPECT_EQ(record.id->text, "i");
  ASSERT_EQ(record.values.size(), 3u);
  EXPECT_EQ(record.values[0].second.text, "x\xC3\xA9\xF0\x9F\x98\x80");
  EXPECT_EQ(record.values[1].second.number, -15);
  EXPECT_TRUE(record.values[2].second.flag);
}

TEST(TelemetryReaderTest, NumbersRecordsOfAnArray) {
  const auto batch =
      ReadJson(R"([{"asset":"a","values":{"T":1}},5,{"asset":"b","values":{}}])", 10);

  ASSERT_TRUE(batch);
  EXPECT_FALSE(batch->lone);
  ASSERT_EQ(batch->records.size(), 3u);
  EXPECT_EQ(Codes(batch->records[0]), "");
  EXPECT_EQ(Codes(batch->records[1]), "type@");
  EXPECT_EQ(Codes(batch->records[2]), "empty@/values");
  EXPECT_EQ(batch->records[2].index, 2u);
}

TEST(TelemetryReaderTest, RefusesARecordForWhatIsInIt) {
  EXPECT_EQ(CodesOf("{}"), "missing@/asset missing@/values");
  EXPECT_EQ(CodesOf("5"), "type@");
  EXPECT_EQ(CodesOf("null"), "type@");
  EXPECT_EQ(CodesOf(R"({"asset":"a","values":[1]})"), "type@/values");
  EXPECT_EQ(CodesOf(R"({"asset":"a","asset":"b","values":{"T":1}})"), "duplicate-key@/asset");
  EXPECT_EQ(CodesOf(R"({"asset":"a","values":{"T":1,"S":2,"T":3}})"), "duplicate-key@/values/T");
  EXPECT_EQ(CodesOf(R"({"asset":"a","values":{"a/b":1,"a\u002fb":1}})"),
            "duplicate-key@/values/a~1b");
  EXPECT_EQ(CodesOf(R"({"asset":"a","value":{"T":1},"values":{"T":1}})"), "unknown-field@/value");
  EXPECT_EQ(CodesOf(R"({"asset":"a","values":{"T":1},"units":5})"), "type@/units");
  EXPECT_EQ(CodesOf(R"({"asset":"a","values":{"T\u0000":1}})"), "encoding@/values");
}

TEST(TelemetryReaderTest, TellsHugeNumbersFromTinyOnes) {
  const auto kind_of = [](const std::string& token) {
    const auto batch = ReadJson(R"({"asset":"a","values":{"T":)" + token + "}}", 10);
    return batch ? batch->records[0].values.at(0).second.kind : Kind::kOther;
  };
  const std::string zeros(400, '0');
  for (const std::string& huge :
       {"1" + zeros, "-1" + zeros, "1" + zeros + ".5", "1" + zeros + zeros + "e-400",
        "0." + zeros + "1e800", std::string("1e99999999999999999999")}) {
    EXPECT_EQ(kind_of(huge), Kind::kNotFinite) << huge;
  }
  for (const std::string& tiny :
       {"0." + zeros + "1", "-0." + zeros + "1", "0." + zeros + "1e+5", "1" + zeros + "e-800",
        std::string("1e-99999999999999999999"), "0e" + zeros + "9", std::string("0e999")}) {
    EXPECT_EQ(kind_of(tiny), Kind::kNumber) << tiny;
  }
  EXPECT_EQ(kind_of("1" + zeros + "e-200"), Kind::kNumber);
}

TEST(TelemetryReaderTest, ReadsWhatIsNoNumberAsNotFinite) {
  for (const char* token : {"NaN", "Infinity", "-Infinity", "1e400", "-1e400"}) {
    const auto batch = ReadJson(std::string(R"({"asset":"a","values":{"T":)") + token + "}}", 10);
    ASSERT_TRUE(batch) << token;
    EXPECT_EQ(batch->records[0].values.at(0).second.kind, Kind::kNotFinite) << token;
  }
  const auto tiny = ReadJson(R"({"asset":"a","values":{"T":1e-400}})", 10);
  EXPECT_EQ(tiny->records[0].values.at(0).second.kind, Kind::kNumber);
}

TEST(TelemetryReaderTest, MarksTextThatNobodyCanStore) {
  for (const char* text : {R"("\u0000")", R"("\ud800")", R"("\udc00")", R"("\ud800\u0041")"}) {
    const auto batch = ReadJson(std::string(R"({"asset":"a","values":{"T":)") + text + "}}", 10);
    ASSERT_TRUE(batch) << text;
    EXPECT_EQ(batch->records[0].values.at(0).second.kind, Kind::kBadText) << text;
  }
}

TEST(TelemetryReaderTest, RefusesABodyThatIsNoJson) {
  const std::string deep(100'000, '[');
  for (const std::string& body : std::vector<std::string>{"",
                                                          " ",
                                                          "[",
                                                          "{",
                                                          "[1,]",
                                                          "{\"a\":1,}",
                                                          "[1 2]",
                                                          "{\"a\" 1}",
                                                          "{a:1}",
                                                          "{'a':1}",
                                                          "01",
                                                          "+1",
                                                          ".5",
                                                          "1.",
                                                          "1e",
                                                          "-",
                                                          "--1",
                                                          "0x5",
                                                          "nul",
                                                          "tru",
                                                          "Nan",
                                                          "Inf",
                                                          "\"a",
                                                          "\"\\x\"",
                                                          "\"\\u12\"",
                                                          "\"a\nb\"",
                                                          "[] []",
                                                          "{} x",
                                                          "{}{}",
                                                          "\xEF\xBB\xBF{}",
                                                          deep,
                                                          deep + std::string(100'000, ']'),
                                                          std::string("{}\0", 3),
                                                          std::string("\"a\0b\"", 5),
                                                          "\"\xFF\"",
                                                          "\"\xC0\xAF\"",
                                                          "\"\xED\xA0\x80\"",
                                                          "// a\n{}",
                                                          "[1,,2]",
                                                          "]",
                                                          "nullx"}) {
    const auto batch = ReadJson(body, 10);
    ASSERT_FALSE(batch) << body.substr(0, 40);
    EXPECT_EQ(batch.error().status, 400) << body.substr(0, 40);
  }
}

TEST(TelemetryReaderTest, CountsRecords) {
  EXPECT_EQ(ReadJson("[{},{},{}]", 2).error().status, 413);
  EXPECT_EQ(ReadNdjson("{}\n{}\n{}", 2).error().status, 413);
  EXPECT_EQ(ReadJson("[]", 2).error().status, 422);
  EXPECT_EQ(ReadNdjson("\n \n", 2).error().status, 422);
}

TEST(TelemetryReaderTest, RejectsOnlyTheBadLinesOfNdjson) {
  const auto batch = ReadNdjson(
      "{\"asset\":\"a\",\"values\":{\"T\":1}}\r\n\n{\"asset\": \n}\n\"\xFF\"\n"
      "{\"asset\":\"b\",\"values\":{\"T\":2}} x\n{\"asset\":\"b\",\"values\":{\"T\":2}}",
      10);

  ASSERT_TRUE(batch);
  ASSERT_EQ(batch->records.size(), 6u);
  EXPECT_FALSE(batch->lone);
  EXPECT_EQ(Codes(batch->records[0]), "");
  EXPECT_EQ(Codes(batch->records[1]), "syntax@");
  EXPECT_EQ(Codes(batch->records[2]), "syntax@");
  EXPECT_EQ(Codes(batch->records[3]), "encoding@");
  EXPECT_EQ(Codes(batch->records[4]), "syntax@");
  EXPECT_EQ(Codes(batch->records[5]), "");
}

// The oracle is the strict parser of `base`: what it takes, the reader takes with equal values;
// what it refuses, the reader refuses, or marks the record.
class AgainstTheOracleTest : public ::testing::TestWithParam<unsigned> {};

nlohmann::json ToJson(const RawValue& value) {
  switch (value.kind) {
    case Kind::kNumber:
      return value.integer ? nlohmann::json(*value.integer) : nlohmann::json(value.number);
    case Kind::kText:
      return value.text;
    case Kind::kBoolean:
      return value.flag;
    case Kind::kNull:
      return nullptr;
    default:
      return "unreadable";
  }
}

void Compare(const std::string& text) {
  const auto oracle = ParseJson(text);
  const auto batch = ReadJson(text, 10);
  if (!oracle) {
    bool marked = !batch;
    for (const auto& record : batch ? batch->records : std::vector<RawRecord>()) {
      marked = marked || !record.faults.empty();
      for (const auto* value : {&record.asset, &record.time, &record.id})
        marked = marked || (*value && (*value)->kind > Kind::kNull);
      for (const auto* members : {&record.values, &record.units})
        for (const auto& [name, value] : *members) marked = marked || value.kind > Kind::kNull;
    }
    EXPECT_TRUE(marked) << text;
    return;
  }
  if (!oracle->is_object()) return;
  ASSERT_TRUE(batch) << text << ": " << batch.error().detail;
  const RawRecord& record = batch->records.at(0);
  if (!record.faults.empty()) return;
  const auto& values = oracle->at("values");
  ASSERT_EQ(values.size(), record.values.size()) << text;
  for (const auto& [name, value] : record.values) {
    if (value.kind != Kind::kOther) {
      EXPECT_EQ(values.at(name), ToJson(value)) << text;
    }
  }
}

TEST_P(AgainstTheOracleTest, AgreesOnRecordsWithRandomFaults) {
  std::mt19937 random(GetParam());
  const std::string seed =
      R"({"asset":"x1","time":1700000000000,"id":"q\u0041","values":{"T":21.5,"S":"a\n\ud83d\ude00",)"
      R"("B":true,"N":-0,"E":1.25e-3,"Z":null,"O":{"a":[1,{}]}},"units":{"T":"Cel"}})";
  const std::string alphabet = "{}[]\",:\\u0019eE+-.truefalsnN \n\t\x01\xFF\xC3\xA9/'";
  for (int i = 0; i < 20'000; ++i) {
    std::string text = seed;
    for (auto k = random() % 3 + 1; k > 0; --k) {
      const std::size_t at = random() % text.size();
      const char c = alphabet[random() % alphabet.size()];
      switch (random() % 4) {
        case 0:
          text[at] = c;
          break;
        case 1:
          text.insert(at, 1, c);
          break;
        case 2:
          text.erase(at, random() % 3 + 1);
          break;
        default:
          text.insert(random() % text.size(), text.substr(at, random() % 12));
      }
      if (text.empty()) text = "{";
    }
    Compare(text);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, AgainstTheOracleTest, ::testing::Values(1u, 2u));

}  // namespace
}  // namespace outrigger::data_collector
