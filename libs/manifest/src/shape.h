// SPDX-License-Identifier: Apache-2.0
// Shapes: what a document may hold, as tables, so that one walk finds every fault and the same rows
// make the reference page and are compared with the JSON Schema.
//
// Threads:  constants and pure functions.
// See also: fields.h (the manifest's rows), docs/formats/manifest.md
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "outrigger/manifest/fault.h"

namespace outrigger::manifest {

enum class Kind { kText, kChoice, kMillis, kCount, kFlag, kObject, kList, kTextMap, kAnyObject };

// What is wrong with a text, as "must be …"; nothing when it is fine.
using Complaint = std::optional<std::string_view>;
using Grammar = Complaint (*)(std::string_view text);
// What might be meant by a text that is wrong, as a sentence; may be empty.
using Suggest = std::string (*)(std::string_view text);

struct Shape;

struct Field {
  std::string_view name;
  Kind kind = Kind::kText;
  std::string_view default_text;  // for people; "required" makes it so
  std::string_view help;
  // Of kMillis and kCount: the value; of kText: characters; of kList: elements.
  std::int64_t min = 0;
  std::int64_t max = 0;
  std::span<const std::string_view> choices = {};
  const Shape* shape = nullptr;  // of kObject, and of the elements of kList
  Grammar grammar = nullptr;     // of kText, and of the names of kTextMap
  Suggest suggest = nullptr;     // of a kText that breaks its grammar
  bool secret = false;           // no fault quotes it

  bool required() const { return default_text == "required"; }
};

struct Shape {
  std::string_view title;  // "the model"
  std::span<const Field> fields;
  const Field* Find(std::string_view name) const;
};

// Collects faults: finds the place, writes the sentence, bounds the number.
class FaultList {
 public:
  static constexpr std::size_t kMost = 1000;

  explicit FaultList(const JsonPositions& positions) : positions_(positions) {}

  // "NAME must be ALLOWED; found FOUND (line 3, column 5). HINT"
  void MustBe(std::string_view pointer, std::string_view code, std::string_view allowed,
              std::string_view found, std::string_view hint = {});
  // "NAME is missing; it must be ALLOWED (in the object at line 3, column 5). HINT"
  void Missing(std::string_view pointer, std::string_view allowed, std::string_view hint = {});
  // SENTENCE (line 3, column 5). HINT
  void Add(std::string_view pointer, std::string_view code, std::string_view sentence,
           std::string_view hint = {});
  // "There is no field NAME in TITLE", with the nearest known name.
  void Unknown(std::string_view pointer, std::string_view name, std::string_view title,
               std::span<const std::string_view> known);

  bool empty() const { return faults_.empty(); }
  // Whether more faults are only counted.
  bool full() const { return faults_.size() >= kMost; }
  // In the order of the text.
  std::vector<Fault> Take() &&;

 private:
  TextPosition Find(std::string_view pointer) const;
  void Put(Fault fault, std::string_view hint);

  const JsonPositions& positions_;
  std::vector<Fault> faults_;
  std::size_t cut_ = 0;
};

// Compares `value` with `shape`, reports every difference, and turns whole numbers written as
// fractions (5e3) into integers.
void Walk(nlohmann::json& value, const Shape& shape, const std::string& pointer, FaultList& faults);

// What a field takes, in words: "a whole number of milliseconds from 100 to 31622400000".
std::string Allowed(const Field& field);
// What stands there, in words and shortened: `the number 99`, `a list`, `null`.
std::string Found(const nlohmann::json& value);
// The same without the value: what a fault of a secret says.
std::string FoundKind(const nlohmann::json& value);
// Text in double quotes, at most 64 characters of it, control characters escaped.
std::string Quoted(std::string_view text);
std::size_t CountCharacters(std::string_view utf8);

}  // namespace outrigger::manifest
