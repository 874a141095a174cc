// SPDX-License-Identifier: Apache-2.0
// Good manifests: what is understood, filled in, kept, hidden and warned of.
#include "outrigger/manifest/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "documents.h"

namespace outrigger::manifest {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::string_view kWrapped = R"({
  // the original document, with its syntax repaired
  "manifest": {
    "description": "see https://example.org/a /* not a comment */ // nor this",
    "model": {
      "type": "http",   /* or amqp */
      "scoreEndpoint": "/score",
      "healthCheckEndpoint": "/health",
      "hosted": "internal",
      "container": {
        "image": "temperaturemodel",
        "tag": "latest",
        "customRegistry": {"registry": "imageregistry.com", "username": "user", "password": "pw"}
      }
    },
    "trigger": {"type": "TIME_WINDOW", "frequency": 5000, "timeWindowSize": 10000},
    "inputs":  [{"dataColumnName": "temperature", "readAsString": false}],
    "outputs": [{"dataColumnName": "anomalyScore", "readAsString": false},
                {"dataColumnName": "warningLevel", "readAsString": true}]
  }
})";

constexpr std::string_view kYaml = R"(# the same as YAML
description: "see https://example.org/a /* not a comment */ // nor this"
model:
  type: http
  scoreEndpoint: /score
  healthCheckEndpoint: /health
  hosted: internal
  container:
    image: temperaturemodel
    tag: latest
    customRegistry: {registry: imageregistry.com, username: user, password: "pw"}
trigger: {type: TIME_WINDOW, frequency: 5000, timeWindowSize: 10000}
inputs:
  - {dataColumnName: temperature, readAsString: false}
outputs:
  - dataColumnName: anomalyScore
    readAsString: false
  - dataColumnName: warningLevel
    readAsString: true
)";

Manifest Good(const Json& document) {
  ParseOutcome outcome = ParseManifest(document.dump(), Format::kJson);
  for (const Fault& fault : outcome.faults) ADD_FAILURE() << fault.pointer << ": " << fault.detail;
  return outcome.manifest.value_or(Manifest{});
}

TEST(AManifest, IsTheSameWithCommentsBareAndAsYaml) {
  const ParseOutcome wrapped = ParseManifest(kWrapped, Format::kJson);
  ASSERT_THAT(Pointers(wrapped.faults), IsEmpty());
  Json with_password = *wrapped.document;
  with_password["model"]["container"]["customRegistry"]["password"] = "pw";

  const ParseOutcome bare = ParseManifest(with_password.dump(), Format::kJson);
  const ParseOutcome yaml = ParseManifest(kYaml, Format::kYaml);
  const ParseOutcome json_as_yaml = ParseManifest(with_password.dump(2), Format::kYaml);
  const ParseOutcome parsed_before = ParseManifest(Json{
      {"manifest", with_password}
  });

  for (const ParseOutcome* outcome : {&bare, &yaml, &json_as_yaml, &parsed_before}) {
    ASSERT_THAT(Pointers(outcome->faults), IsEmpty());
    EXPECT_EQ(*outcome->document, *wrapped.document);
    EXPECT_EQ(ToJson(*outcome->manifest), ToJson(*wrapped.manifest));
    EXPECT_EQ(outcome->password, Secret("pw"));
  }
  EXPECT_EQ(wrapped.manifest->description,
            "see https://example.org/a /* not a comment */ // nor this");
}

TEST(AManifest, ShowsItsPasswordMaskedAndHandsItOverApart) {
  const ParseOutcome outcome = ParseManifest(kWrapped, Format::kJson);

  EXPECT_EQ(outcome.document->at("/model/container/customRegistry/password"_json_pointer), kMask);
  EXPECT_EQ(outcome.password, Secret("pw"));
  EXPECT_FALSE(outcome.keep_password);
  EXPECT_EQ(ToJson(*outcome.manifest).dump().find("\"pw\""), std::string::npos);
}

TEST(AManifest, WithTheMaskAsPasswordKeepsTheStoredOne) {
  const ParseOutcome first = ParseManifest(kWrapped, Format::kJson);

  const ParseOutcome again = ParseManifest(first.document->dump(), Format::kJson);

  EXPECT_TRUE(again.keep_password);
  EXPECT_EQ(again.password, std::nullopt);
  EXPECT_EQ(*again.document, *first.document);
}

TEST(AManifest, MayReferToAStoredRegistry) {
  const Manifest manifest = Good(With(RealTime(), "/model/container/customRegistry",
                                      {
                                          {"name", "ours"}
  }));

  EXPECT_EQ(manifest.model.container->custom_registry->name, "ours");
}

TEST(AManifest, HasItsDefaultsFilledIn) {
  Json document = RealTime();
  document.erase("name");
  document["model"]["container"].erase("tag");
  document["inputs"] = {{{"dataColumnName", "t"}}};

  const Manifest manifest = Good(document);

  EXPECT_EQ(manifest.name, "");
  EXPECT_EQ(manifest.version, "1");
  EXPECT_EQ(manifest.model.container->tag, "latest");
  EXPECT_EQ(manifest.model.port, 8080);
  EXPECT_EQ(manifest.model.timeout, milliseconds(30000));
  EXPECT_EQ(manifest.model.health.interval, milliseconds(5000));
  EXPECT_EQ(manifest.model.health.timeout, milliseconds(2000));
  EXPECT_EQ(manifest.model.health.failures, 3);
  EXPECT_EQ(manifest.model.health.start_timeout, milliseconds(30000));
  EXPECT_EQ(manifest.model.health.tries, 3);
  EXPECT_EQ(manifest.model.health.quiet, milliseconds(60000));
  EXPECT_EQ(manifest.model.retry.tries, 5);
  EXPECT_EQ(manifest.model.retry.max_backoff, milliseconds(10000));
  EXPECT_EQ(manifest.model.replicas, 1);
  EXPECT_FALSE(manifest.model.async_deadline.has_value());
  EXPECT_TRUE(manifest.model.stateful);
  EXPECT_EQ(manifest.trigger.alignment, Alignment::kLatest);
  EXPECT_TRUE(manifest.trigger.backfill);
  EXPECT_FALSE(manifest.inputs[0].read_as_string);
  EXPECT_EQ(manifest.provenance, nullptr);
}

TEST(AManifest, OfWindowsIsStatelessAndAUnionUnlessItSaysOtherwise) {
  EXPECT_FALSE(Good(Window()).model.stateful);
  EXPECT_EQ(Good(Window()).trigger.alignment, Alignment::kUnion);
  EXPECT_TRUE(Good(With(Window(), "/model/stateful", true)).model.stateful);
  EXPECT_EQ(Good(With(Window(), "/trigger/alignment", "exact")).trigger.alignment,
            Alignment::kExact);
}

TEST(AManifest, TakesEveryField) {
  Json document = Window();
  document["version"] = std::string(64, 'v');
  document["model"].update(Json::parse(R"({
      "port": 65535, "timeout": 1, "async": {}, "assetEventsEndpoint": "/events/v1",
      "health": {"interval": 1, "timeout": 2, "failures": 3, "startTimeout": 4, "tries": 5, "quiet": 6},
      "stateful": true, "retry": {"tries": 1, "maxBackoff": 7}, "replicas": 64,
      "resources": {"cpu": "0.5", "memory": "256Mi"}, "env": {"A_B.c-d": "", "LDX": "x", "path": "y"},
      "artifact": {"uri": "s3://b/m.onnx", "sha256": "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                   "signature": "YWJj"}})"));
  document["model"]["container"]["digest"] = "sha256:" + std::string(64, 'a');
  document["trigger"].update({
      {"allowedLateness", 0      },
      {"alignment",       "exact"},
      {"backfill",        false  }
  });
  document["inputs"][0]["unit"] = "Cel";
  document["provenance"] = {
      {"datasets", {{{"digest", "sha256:00"}, {"rows", 12.5}}}},
      {"licence",  nullptr                                    }
  };

  const Manifest manifest = Good(document);

  EXPECT_EQ(manifest.model.async_deadline, std::chrono::hours(24));
  EXPECT_EQ(manifest.model.resources.cpu_millis, 500);
  EXPECT_EQ(manifest.model.resources.memory_bytes, 268435456);
  EXPECT_EQ(manifest.model.env.size(), 3u);
  EXPECT_EQ(manifest.model.artifact->signature, "YWJj");
  EXPECT_EQ(manifest.model.health.quiet, milliseconds(6));
  EXPECT_FALSE(manifest.trigger.backfill);
  EXPECT_EQ(manifest.FindInput("temperature")->unit, "Cel");
  EXPECT_EQ(manifest.FindInput("anomalyScore"), nullptr);
  EXPECT_EQ(*manifest.provenance, document["provenance"]);
}

TEST(AManifest, ComesBackFromWhatCompanionsGet) {
  Json kserve = With(RealTime(), "/model/type", "kserve-v2");
  kserve["model"]["scoreEndpoint"] = "/v2/models/m/versions/3/infer";
  kserve["model"]["v2"] = {
      {"packing", "matrix"},
      {"tensor",  "x"     }
  };
  kserve["model"].erase("healthCheckEndpoint");
  Json external = With(RealTime(), "/model/hosted", "external");
  external["model"].erase("container");
  external["model"]["externalUrl"] = "https://[2001:db8::1]:8443/v1/";
  for (const Json& document : {
           RealTime(), Window(), kserve, external,
           With(RealTime(), "/model/async", {{"deadline", 5}}
             ),
           With(RealTime(), "/model/resources", {{"cpu", "3"}, {"memory", "1G"}}
             )
  }) {
    const Json whole = ToJson(Good(document));
    const ParseOutcome again = ParseManifest(whole);

    ASSERT_THAT(Pointers(again.faults), IsEmpty());
    EXPECT_EQ(ToJson(*again.manifest), whole);
  }
  const ParseOutcome printed =
      ParseManifest(ToJson(*ParseManifest(kWrapped, Format::kJson).manifest));
  EXPECT_THAT(Pointers(printed.faults), IsEmpty());
}

TEST(AManifest, OfKserveHasAHealthCheckOfItsProtocol) {
  Json document = With(RealTime(), "/model/type", "kserve-v2");
  document["model"]["scoreEndpoint"] = "/v2/models/m/infer";
  document["model"].erase("healthCheckEndpoint");

  EXPECT_EQ(Good(document).model.health_check_endpoint, "/v2/health/ready");
}

class GoodValue : public ::testing::TestWithParam<std::pair<const char*, Json>> {};

TEST_P(GoodValue, IsTaken) {
  Json document = Window();
  document["trigger"]["frequency"] = 2678400000;  // any size is at most 10,000 times that

  Good(With(document, GetParam().first, GetParam().second));
}

INSTANTIATE_TEST_SUITE_P(
    AtTheEdge, GoodValue,
    ::testing::ValuesIn(std::vector<std::pair<const char*, Json>>{
        std::pair<const char*, Json>("/name", Json(std::string(63, 'a'))),
        std::pair<const char*, Json>("/name", Json("0")),
        std::pair<const char*, Json>("/version", Json(std::string(64, 'v'))),
        std::pair<const char*, Json>("/version", Json("é 1.0 ✓")),
        std::pair<const char*, Json>("/description", Json("")),
        std::pair<const char*, Json>("/description", Json("two\nlines")),
        std::pair<const char*, Json>("/trigger/timeWindowSize", Json(std::int64_t{31                                   }
           * 86400000)),
        std::pair<const char*, Json>("/trigger/timeWindowSize", Json(1)),
        std::pair<const char*, Json>("/trigger/timeWindowSize", Json(5e3)),
        std::pair<const char*, Json>("/trigger/allowedLateness", Json(-0.0)),
        std::pair<const char*, Json>("/trigger/frequency", Json(100)),
        std::pair<const char*, Json>("/inputs", Columns(256)),
        std::pair<const char*, Json>("/outputs", Columns(256)),
        std::pair<const char*, Json>("/inputs/0/dataColumnName", Json(std::string(128, 'c'))),
        std::pair<const char*, Json>("/inputs/0/dataColumnName",
                                     Json("Temperatur in °C / links ~ rechts")),
        std::pair<const char*, Json>("/inputs/0/dataColumnName", Json("anomalyScore")),
        std::pair<const char*, Json>("/model/scoreEndpoint", Json("/")),
        std::pair<const char*, Json>("/model/scoreEndpoint", Json("/a/b/c/d/e/f/g")),
        std::pair<const char*, Json>("/model/scoreEndpoint", Json("/v1/models/m:predict")),
        std::pair<const char*, Json>("/model/scoreEndpoint", Json("/a%20b/...")),
        std::pair<const char*, Json>("/model/scoreEndpoint", Json("/score/")),
        std::pair<const char*, Json>("/model/container/image",
                                     Json("registry.example.org:5000/team/model_a__b-c.d")),
        std::pair<const char*, Json>("/model/container/image", Json("localhost/m")),
        std::pair<const char*, Json>("/model/container/image", Json("a--b")),
        std::pair<const char*, Json>("/model/container/tag", Json("V1.2_x-y")),
        std::pair<const char*, Json>("/model/container/tag", Json(std::string(128, 'a'))),
        std::pair<const char*, Json>("/model/container/digest",
                                     Json("sha512:" + std::string(128, '0'))),
        std::pair<const char*, Json>("/model/container/customRegistry",
                                     Json{{"registry", "localhost:5000/mirror"}}
           ),
        std::pair<const char*, Json>("/model/env", Json::object()),
        std::pair<const char*, Json>("/model/health", Json::object()),
        std::pair<const char*, Json>("/model/resources", Json{{"memory", "1048576"}                }
           ),
        std::pair<const char*, Json>("/model/resources", Json{{"cpu", "1m"}                        }
           ),
        std::pair<const char*, Json>("/provenance", Json::object()),
        std::pair<const char*, Json>("/provenance", Nested(31))
}));

TEST(AManifest, ShowsWholeNumbersAsIntegers) {
  const ParseOutcome outcome =
      ParseManifest(With(Window(), "/trigger/frequency", 5e3).dump(), Format::kJson);

  EXPECT_EQ(outcome.document->at("/trigger/frequency"_json_pointer).dump(), "5000");
}

TEST(AManifest, MayBeAsDeepWrappedAsBare) {
  const Json deep = With(RealTime(), "/provenance", Nested(31));

  EXPECT_TRUE(ParseManifest(
                  Json{
                      {"manifest", deep}
  }
                      .dump(),
                  Format::kJson)
                  .manifest.has_value());
  EXPECT_TRUE(ParseManifest(
                  Json{
                      {"manifest", deep}
  }
                      .dump(),
                  Format::kYaml)
                  .manifest.has_value());
}

TEST(AManifest, MayHaveAMebibyte) {
  std::string text = RealTime().dump();
  text += std::string((1 << 20) - text.size(), ' ');

  EXPECT_TRUE(ParseManifest(text, Format::kJson).manifest.has_value());
  EXPECT_FALSE(ParseManifest(text + " ", Format::kJson).manifest.has_value());
}

TEST(YamlScalar, IsReadByTheCoreSchema) {
  const auto provenance = [](std::string_view lines) {
    const ParseOutcome outcome =
        ParseManifest("manifest:\n  provenance:\n" + std::string(lines) + "  " +
                          "model: {type: http, scoreEndpoint: /s, healthCheckEndpoint: /h, hosted: "
                          "internal, container: {image: m, tag: a}}\n"
                          "  trigger: {type: REAL_TIME}\n  inputs: [{dataColumnName: a}]\n  "
                          "outputs: [{dataColumnName: b}]\n",
                      Format::kYaml);
    return outcome.manifest ? *outcome.manifest->provenance : Json(outcome.faults.front().detail);
  };

  EXPECT_EQ(provenance("    a: yes\n    b: No\n    c: on\n"),
            Json({
                {"a", "yes"},
                {"b", "No" },
                {"c", "on" }
  }));
  EXPECT_EQ(provenance("    a: true\n    b: False\n    c: TRUE\n"),
            Json({
                {"a", true },
                {"b", false},
                {"c", true }
  }));
  EXPECT_EQ(provenance("    a: ~\n    b:\n    c: Null\n"),
            Json({
                {"a", nullptr},
                {"b", nullptr},
                {"c", nullptr}
  }));
  EXPECT_EQ(provenance("    a: 0o17\n    b: 0x1F\n    c: 017\n    d: +5\n    e: -5\n"),
            Json({
                {"a", 15},
                {"b", 31},
                {"c", 17},
                {"d", 5 },
                {"e", -5}
  }));
  EXPECT_EQ(provenance("    a: 1.\n    b: .5\n    c: 1e3\n    d: -2.5E-1\n    e: 1e-999\n"),
            Json({
                {"a", 1.0   },
                {"b", 0.5   },
                {"c", 1000.0},
                {"d", -0.25 },
                {"e", 0.0   }
  }));
  EXPECT_EQ(
      provenance("    a: '5'\n    b: \"true\"\n    c: 1_000\n    d: 12:30\n    e: 2026-11-21\n"),
      Json({
          {"a", "5"         },
          {"b", "true"      },
          {"c", "1_000"     },
          {"d", "12:30"     },
          {"e", "2026-11-21"}
  }));
  EXPECT_EQ(provenance("    a: +-5\n    b: 0x\n    c: '-'\n    d: 1e\n    e: '.'\n"),
            Json({
                {"a", "+-5"},
                {"b", "0x" },
                {"c", "-"  },
                {"d", "1e" },
                {"e", "."  }
  }));
  EXPECT_EQ(provenance("    1: a\n    true: b\n    <<: c\n"),
            Json({
                {"1",    "a"},
                {"true", "b"},
                {"<<",   "c"}
  }));
  EXPECT_EQ(provenance("    a: 18446744073709551616\n"), Json({
                                                             {"a", 18446744073709551616.0}
  }));
  EXPECT_EQ(provenance("    a: |\n      two\n      lines\n    b: >-\n      one\n      line\n"),
            Json({
                {"a", "two\nlines\n"},
                {"b", "one line"    }
  }));
}

std::vector<std::string> Warned(const Json& document) {
  std::vector<std::string> pointers;
  for (const Warning& warning : ParseManifest(document.dump(), Format::kJson).warnings)
    pointers.push_back(warning.pointer + " " + warning.code);
  return pointers;
}

TEST(AWarning, IsOfWhatIsTakenAndNotUsedOrMayChange) {
  EXPECT_THAT(Warned(RealTime()), IsEmpty());
  EXPECT_THAT(Warned(Window()), IsEmpty());
  EXPECT_THAT(Warned(With(RealTime(), "/model/container/tag", "latest")),
              ElementsAre("/model/container/tag mutable-tag"));
  EXPECT_THAT(Warned(Without(RealTime(), "/model/container/tag")),
              ElementsAre("/model/container/tag mutable-tag"));
  Json unused = Window();
  unused["trigger"]["type"] = "REAL_TIME";
  EXPECT_THAT(Warned(unused),
              ElementsAre("/trigger/frequency unused", "/trigger/timeWindowSize unused"));
  EXPECT_THAT(Warned(With(RealTime(), "/model/v2", Json::object())),
              ElementsAre("/model/v2 unused"));
  EXPECT_THAT(Warned(With(RealTime(), "/model/artifact",
                          {
                              {"uri", "file:///m"}
  })),
              ElementsAre("/model/artifact/sha256 no-digest"));
}

TEST(TheDefaultName, IsALabelMadeFromTheImage) {
  const auto name = [](const std::string& image) {
    return DefaultName(Good(With(RealTime(), "/model/container/image", image)));
  };

  EXPECT_EQ(name("temperaturemodel"), "temperaturemodel");
  EXPECT_EQ(name("registry.example.org:5000/team/my_model.v2"), "my-model-v2");
  EXPECT_EQ(name("a__b"), "a-b");
  EXPECT_EQ(name(std::string(200, 'a')), std::string(55, 'a'));
}

TEST(TheDefaultName, OfAnExternalModelIsMadeFromItsHost) {
  Json document = Without(With(RealTime(), "/model/hosted", "external"), "/model/container");

  EXPECT_EQ(
      DefaultName(Good(With(document, "/model/externalUrl", "https://Models.Example.org:8443/v1"))),
      "models-example-org");
  EXPECT_EQ(DefaultName(Good(With(document, "/model/externalUrl", "http://[::1]/"))), "model");
}

TEST(WhatThisBuildCannotRun, IsToldAtDeployWithPointers) {
  EXPECT_THAT(Pointers(Unsupported(Good(RealTime()))), IsEmpty());

  Json document = Window();
  document["model"].update({
      {"type",     "amqp"                },
      {"hosted",   "external"            },
      {"replicas", 2                     },
      {"artifact", {{"uri", "file:///m"}}}
  });
  const auto faults = Unsupported(Good(document));
  EXPECT_THAT(Pointers(faults), ElementsAre("/model/type", "/model/hosted", "/trigger/type",
                                            "/model/replicas", "/model/artifact"));
  for (const Fault& fault : faults) EXPECT_EQ(fault.code, "unsupported");
  EXPECT_THAT(Pointers(Unsupported(Good(With(RealTime(), "/model/async", Json::object())))),
              ElementsAre("/model/async"));
}

}  // namespace
}  // namespace outrigger::manifest
