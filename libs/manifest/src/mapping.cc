// SPDX-License-Identifier: Apache-2.0
// The structure of a mapping document. Faulty sides are left out of the typed mapping, good ones
// stay, so that what they name can be checked in the same go.
#include "outrigger/manifest/mapping.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "outrigger/base/ids.h"
#include "shape.h"
#include "text_document.h"

namespace outrigger::manifest {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMostGroups = 10'000;
constexpr std::string_view kASide =
    R"({"asset": id, "telemetry": name} or {"assetType": id, "telemetry": name})";

class MappingReader {
 public:
  MappingReader(const Manifest& manifest, FaultList& faults)
      : manifest_(manifest), faults_(faults) {}

  Mapping Read(const Json& root) {
    if (!root.is_object()) {
      faults_.MustBe("", "type", "an object", Found(root));
    } else if (root.contains("groups")) {
      ReadGroups(root);
    } else {
      static constexpr std::string_view kKnown[] = {"inputs", "outputs", "groups", "subject"};
      RefuseUnknown(root, "", "a mapping", kKnown);
      ReadGroup(root, "");
      CheckForm();
    }
    CheckSubjects();
    return std::move(mapping_);
  }

 private:
  void RefuseUnknown(const Json& object, const std::string& pointer, std::string_view title,
                     std::span<const std::string_view> known) {
    for (const auto& [name, value] : object.items()) {
      if (!std::ranges::contains(known, std::string_view(name)))
        faults_.Unknown(PointerTo(pointer, name), name, title, known);
    }
  }

  void ReadGroups(const Json& root) {
    static constexpr std::string_view kAlone[] = {"groups"};
    for (const auto& [name, value] : root.items()) {
      if (name == "inputs" || name == "outputs" || name == "subject")
        faults_.Add(PointerTo("", name), "mixed-forms",
                    Quoted(name) + " cannot stand beside \"groups\"; it belongs into a group");
      else if (name != "groups")
        faults_.Unknown(PointerTo("", name), name, "a mapping by groups", kAlone);
    }
    const Json& groups = root["groups"];
    const std::string allowed = "a list of 1 to " + std::to_string(kMostGroups) + " groups";
    if (!groups.is_array()) {
      faults_.MustBe("/groups", "type", allowed, Found(groups));
      return;
    }
    if (groups.empty() || groups.size() > kMostGroups) {
      faults_.MustBe("/groups", "count", allowed, std::to_string(groups.size()) + " groups");
      return;
    }
    for (std::size_t i = 0; i < groups.size(); ++i) {
      const std::string pointer = PointerTo("/groups", i);
      if (!groups[i].is_object()) {
        faults_.MustBe(pointer, "type", "an object", Found(groups[i]));
        continue;
      }
      static constexpr std::string_view kKnown[] = {"subject", "inputs", "outputs"};
      RefuseUnknown(groups[i], pointer, "a group", kKnown);
      ReadGroup(groups[i], pointer);
      RefuseTypes(mapping_.groups.back());
    }
  }

  void ReadGroup(const Json& object, const std::string& pointer) {
    Group& group = mapping_.groups.emplace_back();
    group.pointer = pointer;
    if (const auto subject = object.find("subject"); subject != object.end()) {
      const std::string at = PointerTo(pointer, "subject");
      if (!subject->is_string() || !IsAssetId(subject->get_ref<const std::string&>()))
        faults_.MustBe(at, subject->is_string() ? "format" : "type", "the id of an asset",
                       Found(*subject));
      else
        group.subject = subject->get<std::string>();
      subject_given_.push_back(true);
    } else {
      subject_given_.push_back(false);
    }
    ReadSides(object, pointer, "inputs", manifest_.inputs, group.inputs);
    ReadSides(object, pointer, "outputs", manifest_.outputs, group.outputs);
  }

  void ReadSides(const Json& object, const std::string& base, const char* name,
                 const std::vector<Column>& columns, Sides& into) {
    const std::string pointer = PointerTo(base, name);
    const auto sides = object.find(name);
    if (sides == object.end()) {
      faults_.Missing(pointer,
                      "an object with a member for each of the model's " + std::string(name));
      return;
    }
    if (!sides->is_object()) {
      faults_.MustBe(pointer, "type",
                     "an object with a member for each of the model's " + std::string(name),
                     Found(*sides));
      return;
    }
    std::vector<std::string_view> known;
    for (const Column& column : columns) {
      known.push_back(column.name);
      const std::string at = PointerTo(pointer, column.name);
      if (const auto side = sides->find(column.name); side != sides->end())
        ReadSide(*side, at, column.name, into);
      else
        faults_.Missing(at, kASide);
    }
    RefuseUnknown(*sides, pointer, "the model's " + std::string(name), known);
  }

  // Text that fits `fits`, or nothing with a fault.
  std::string TextOf(const Json& side, const std::string& pointer, const char* name,
                     bool (*fits)(std::string_view), std::string_view allowed) {
    const auto found = side.find(name);
    if (found == side.end()) return "";
    if (found->is_string() && fits(found->get_ref<const std::string&>()))
      return found->get<std::string>();
    faults_.MustBe(PointerTo(pointer, name), found->is_string() ? "format" : "type", allowed,
                   Found(*found));
    return "";
  }

  void ReadSide(const Json& json, const std::string& pointer, const std::string& column,
                Sides& into) {
    if (!json.is_object()) {
      faults_.MustBe(pointer, "type", kASide, Found(json));
      return;
    }
    static constexpr std::string_view kKnown[] = {"asset", "assetType", "telemetry"};
    RefuseUnknown(json, pointer, "a side of a mapping", kKnown);
    Side side;
    side.pointer = pointer;
    side.asset = TextOf(json, pointer, "asset", IsAssetId, "the id of an asset");
    side.asset_type = TextOf(json, pointer, "assetType", IsAssetId, "the id of an asset type");
    side.telemetry = TextOf(json, pointer, "telemetry", IsTelemetryName, "the name of a telemetry");
    if (!json.contains("telemetry"))
      faults_.Missing(PointerTo(pointer, "telemetry"), "the name of a telemetry");
    if (json.contains("asset") == json.contains("assetType")) {
      faults_.MustBe(
          pointer, "combination", kASide,
          json.contains("asset") ? "both asset and assetType" : "neither asset nor assetType");
      return;
    }
    if (!side.telemetry.empty() && !(side.asset.empty() && side.asset_type.empty()))
      into.emplace(column, std::move(side));
  }

  // By assets or by type, and one type: what differs from the first good side is told at each
  // output's side, and at the inputs' when no output is good.
  void CheckForm() {
    Group& group = mapping_.groups.front();
    std::vector<const Side*> sides;
    for (const auto& [column, side] : group.outputs) sides.push_back(&side);
    const std::size_t outputs = sides.size();
    for (const auto& [column, side] : group.inputs) sides.push_back(&side);
    if (sides.empty()) return;
    const Side& first = *sides.back();  // an input where there is one: faults point to outputs
    const auto same = [&](const Side* side) { return side->asset_type == first.asset_type; };
    if (!first.asset_type.empty()) mapping_.asset_type = first.asset_type;
    if (std::ranges::all_of(sides, same)) return;
    std::vector<const Side*> told(
        sides.begin(),
        outputs > 0 ? sides.begin() + static_cast<std::ptrdiff_t>(outputs) : sides.end());
    const bool mixed = std::ranges::any_of(sides, [&](const Side* side) {
      return side->asset_type.empty() != first.asset_type.empty();
    });
    for (const Side* side : told)
      faults_.Add(side->pointer, "mixed-forms",
                  mixed ? "Some sides name an asset and some an asset type; all must use one form"
                        : "The sides name several asset types; all must name one");
    mapping_.asset_type.clear();
    mixed_ = true;
  }

  void RefuseTypes(Group& group) {
    for (Sides* sides : {&group.inputs, &group.outputs}) {
      for (const auto& [column, side] : *sides) {
        if (side.asset_type.empty()) continue;
        mixed_ = true;
        faults_.Add(side.pointer, "mixed-forms",
                    "A side in a group names an asset type; groups are by assets",
                    "By type, \"inputs\" and \"outputs\" stand alone, without \"groups\".");
      }
    }
  }

  void CheckSubjects() {
    std::map<std::string, std::string> seen;  // subject: where it was first
    for (std::size_t i = 0; i < mapping_.groups.size(); ++i) {
      Group& group = mapping_.groups[i];
      const std::string at = PointerTo(group.pointer, "subject");
      if (mapping_.by_type()) {
        if (subject_given_[i])
          faults_.Add(
              at, "combination",
              "By type each asset is its own subject; \"subject\" is for mappings by assets");
        continue;
      }
      if (!subject_given_[i] && !mixed_) group.subject = DefaultSubject(group, at);
      if (group.subject.empty()) continue;
      const std::string& told = subject_given_[i] ? at : group.pointer;
      if (const auto [before, fresh] = seen.emplace(group.subject, group.pointer); !fresh)
        faults_.Add(told, "duplicate",
                    "The subject " + Quoted(group.subject) + " is also that of " + before->second,
                    subject_given_[i] ? "" : "It is the default: the asset that all outputs name.");
    }
  }

  std::string DefaultSubject(const Group& group, const std::string& pointer) {
    std::set<std::string> assets;
    for (const auto& [column, side] : group.outputs) assets.insert(side.asset);
    if (assets.size() == 1) return *assets.begin();
    if (assets.size() > 1)
      faults_.Missing(pointer, "the id of an asset",
                      "The outputs name several assets, so the group must say which it is about.");
    return "";
  }

  const Manifest& manifest_;
  FaultList& faults_;
  Mapping mapping_;
  std::vector<bool> subject_given_;  // by group
  bool mixed_ = false;
};

MappingOutcome Judge(TextDocument text, const Manifest& manifest) {
  FaultList faults(text.positions);
  MappingOutcome outcome;
  outcome.mapping = MappingReader(manifest, faults).Read(text.root);
  outcome.faults = std::move(faults).Take();
  outcome.document = std::make_shared<const Json>(std::move(text.root));
  return outcome;
}

}  // namespace

std::set<std::string> Mapping::Assets() const {
  std::set<std::string> assets;
  for (const Group& group : groups) {
    if (!group.subject.empty()) assets.insert(group.subject);
    for (const Sides* sides : {&group.inputs, &group.outputs}) {
      for (const auto& [column, side] : *sides) {
        if (!side.asset.empty()) assets.insert(side.asset);
      }
    }
  }
  return assets;
}

MappingOutcome ParseMapping(std::string_view body, const Manifest& manifest) {
  auto text = ReadText(body, Format::kJson, kDeepestDocument);
  if (text) return Judge(std::move(*text), manifest);
  MappingOutcome outcome;
  JsonFault& fault = text.error();
  outcome.faults.push_back({std::move(fault.pointer), std::move(fault.code),
                            "The document cannot be read: " + fault.detail + ".", "", "",
                            fault.at});
  return outcome;
}

MappingOutcome ParseMapping(const Json& document, const Manifest& manifest) {
  TextDocument text;
  text.root = document;
  return Judge(std::move(text), manifest);
}

}  // namespace outrigger::manifest
