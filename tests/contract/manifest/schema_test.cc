// SPDX-License-Identifier: Apache-2.0
// The JSON Schema, the parser's table, the reference page and the files under manifests/ say the
// same.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include "fields.h"
#include "outrigger/base/text.h"
#include "outrigger/manifest/manifest.h"
#include "text_document.h"

namespace outrigger::manifest {
namespace {

using Json = nlohmann::json;
using ::testing::UnorderedElementsAreArray;
namespace fs = std::filesystem;

const fs::path kRoot = OUTRIGGER_SOURCE_DIR;

std::string Read(const fs::path& path) {
  auto content = ReadFile(path.string());
  if (!content) ADD_FAILURE() << content.error().ToString();
  return content.value_or("");
}

Format FormatOf(const fs::path& path) {
  return path.extension() == ".yaml" ? Format::kYaml : Format::kJson;
}

std::vector<fs::path> FilesIn(const char* folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(kRoot / "manifests" / folder)) {
    if (!entry.path().filename().string().ends_with(".expected.json"))
      files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

std::string NameOf(const ::testing::TestParamInfo<fs::path>& file) {
  std::string name = file.param.stem().string() + "_" + file.param.extension().string().substr(1);
  std::ranges::replace_if(name, [](char c) { return !std::isalnum(c); }, '_');
  return name;
}

const Json& SchemaDocument() {
  static const Json kDocument =
      Json::parse(Read(kRoot / "manifests" / "schema" / "manifest.schema.json"));
  return kDocument;
}

// What the schema says against a document; empty when it takes it.
std::string SchemaComplaint(const Json& document) {
  valijson::Schema schema;
  valijson::SchemaParser(valijson::SchemaParser::kDraft7)
      .populateSchema(valijson::adapters::NlohmannJsonAdapter(SchemaDocument()), schema);
  valijson::Validator validator;
  valijson::ValidationResults results;
  const valijson::adapters::NlohmannJsonAdapter target(document);
  if (validator.validate(schema, target, &results)) return "";
  std::string complaint = "refused";
  valijson::ValidationResults::Error error;
  while (results.popError(error)) {
    complaint += "; ";
    for (const std::string& part : error.context) complaint += part;
    complaint += " " + error.description;
  }
  return complaint;
}

class GoodFile : public ::testing::TestWithParam<fs::path> {};

TEST_P(GoodFile, IsTakenByParserAndSchema) {
  const std::string text = Read(GetParam());

  const ParseOutcome outcome = ParseManifest(text, FormatOf(GetParam()));
  const auto document = ReadText(text, FormatOf(GetParam()), kDeepestDocument + 1);

  for (const Fault& fault : outcome.faults) ADD_FAILURE() << fault.pointer << " " << fault.detail;
  ASSERT_TRUE(document.has_value());
  EXPECT_EQ(SchemaComplaint(document->root), "");
}

// What companions get is a manifest too.
TEST_P(GoodFile, IsTakenBySchemaWithEveryDefaultFilledIn) {
  const ParseOutcome outcome = ParseManifest(Read(GetParam()), FormatOf(GetParam()));

  ASSERT_TRUE(outcome.manifest.has_value());
  EXPECT_EQ(SchemaComplaint(ToJson(*outcome.manifest)), "");
  EXPECT_EQ(SchemaComplaint(*outcome.document), "");
}

INSTANTIATE_TEST_SUITE_P(Examples, GoodFile, ::testing::ValuesIn(FilesIn("examples")), NameOf);
INSTANTIATE_TEST_SUITE_P(Templates, GoodFile, ::testing::ValuesIn(FilesIn("templates")), NameOf);

class InvalidFile : public ::testing::TestWithParam<fs::path> {};

TEST_P(InvalidFile, GetsTheFaultsItMustGet) {
  fs::path expected_path = GetParam();
  expected_path.replace_extension(".expected.json");
  const Json expected = Json::parse(Read(expected_path));
  const std::string text = Read(GetParam());

  const ParseOutcome outcome = ParseManifest(text, FormatOf(GetParam()));

  std::vector<std::string> found, wanted;
  for (const Fault& fault : outcome.faults) found.push_back(fault.pointer + " " + fault.code);
  for (const Json& fault : expected["faults"])
    wanted.push_back(fault["pointer"].get<std::string>() + " " + fault["code"].get<std::string>());
  EXPECT_THAT(found, UnorderedElementsAreArray(wanted));
  const auto document = ReadText(text, FormatOf(GetParam()), kDeepestDocument + 1);
  ASSERT_EQ(document.has_value(), expected.contains("schema"))
      << "the schema judges what can be read";
  if (document) {
    EXPECT_EQ(SchemaComplaint(document->root).empty(), expected["schema"] == "takes");
  }
}

INSTANTIATE_TEST_SUITE_P(Files, InvalidFile, ::testing::ValuesIn(FilesIn("invalid")), NameOf);

const Json& Resolve(const Json& schema) {
  if (!schema.contains("$ref")) return schema;
  return SchemaDocument().at(Json::json_pointer(schema["$ref"].get<std::string>().substr(1)));
}

void CompareField(const Field& field, const Json& schema, const std::string& at);

void CompareShape(const Shape& shape, const Json& schema, const std::string& at) {
  std::vector<std::string> fields, required, properties;
  for (const Field& field : shape.fields) {
    fields.emplace_back(field.name);
    if (field.required()) required.emplace_back(field.name);
  }
  for (const auto& [name, value] : schema["properties"].items()) properties.push_back(name);
  EXPECT_THAT(properties, UnorderedElementsAreArray(fields)) << at;
  EXPECT_THAT(schema.value("required", std::vector<std::string>{}),
              UnorderedElementsAreArray(required))
      << at;
  EXPECT_EQ(schema["additionalProperties"], false) << at;
  for (const Field& field : shape.fields) {
    const std::string name(field.name);
    if (schema["properties"].contains(name))
      CompareField(field, Resolve(schema["properties"][name]), at + "/" + name);
  }
}

void CompareField(const Field& field, const Json& schema, const std::string& at) {
  const auto type = [&](const char* name) { EXPECT_EQ(schema.value("type", ""), name) << at; };
  const auto bound = [&](const char* key, std::int64_t value) {
    EXPECT_EQ(schema.value(key, std::int64_t{-1}), value) << at << " " << key;
  };
  switch (field.kind) {
    case Kind::kText:
      type("string");
      if (field.max > 0) bound("minLength", field.min), bound("maxLength", field.max);
      break;
    case Kind::kChoice: {
      std::vector<std::string> choices(field.choices.begin(), field.choices.end());
      EXPECT_EQ(schema["enum"], Json(choices)) << at;
      break;
    }
    case Kind::kMillis:
    case Kind::kCount:
      type("integer");
      bound("minimum", field.min), bound("maximum", field.max);
      break;
    case Kind::kFlag:
      type("boolean");
      break;
    case Kind::kObject:
      type("object");
      CompareShape(*field.shape, schema, at);
      break;
    case Kind::kList:
      type("array");
      bound("minItems", field.min), bound("maxItems", field.max);
      CompareShape(*field.shape, Resolve(schema["items"]), at + "/0");
      break;
    case Kind::kTextMap:
      type("object");
      bound("maxProperties", field.max);
      break;
    case Kind::kAnyObject:
      type("object");
      break;
  }
  if (schema.contains("default")) {
    const Json& value = schema["default"];
    EXPECT_EQ(value.is_string() ? value.get<std::string>() : value.dump(), field.default_text)
        << at;
  }
}

TEST(TheSchema, HasTheFieldsAndBoundsOfTheParser) {
  CompareShape(ManifestShape(), SchemaDocument()["definitions"]["manifest"], "");
}

void EachField(const Shape& shape, const std::string& path, auto visit) {
  for (const Field& field : shape.fields) {
    const std::string at =
        path.empty() ? std::string(field.name) : path + "." + std::string(field.name);
    visit(field, at);
    if (field.shape) EachField(*field.shape, field.kind == Kind::kList ? at + "[]" : at, visit);
  }
}

// docs/formats/manifest.md has a row "| `model.port` | … | default | … |" for each field.
TEST(TheReferencePage, HasARowForEachFieldWithItsDefault) {
  const std::string page = Read(kRoot / "docs" / "formats" / "manifest.md");

  EachField(ManifestShape(), "", [&](const Field& field, const std::string& at) {
    const auto row = page.find("| `" + at + "` |");
    ASSERT_NE(row, std::string::npos) << at;
    const std::string line = page.substr(row, page.find('\n', row) - row);
    EXPECT_NE(line.find("| " + std::string(field.default_text) + " |"), std::string::npos) << line;
  });
}

}  // namespace
}  // namespace outrigger::manifest
