// SPDX-License-Identifier: Apache-2.0
#include "outrigger/manifest/manifest.h"

#include <nlohmann/json.hpp>

#include "fields.h"
#include "outrigger/base/ids.h"
#include "rules.h"
#include "text_document.h"

namespace outrigger::manifest {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kWrapper = "manifest";

// Takes `{"manifest": …}` off, once. What stands beside a wrapper is unknown; what stands in a bare
// manifest is judged there.
bool IsWrapped(const Json& root) {
  if (!root.is_object() || !root.contains(kWrapper)) return false;
  for (const Field& field : ManifestShape().fields) {
    if (root.contains(field.name)) return false;
  }
  return true;
}

JsonPositions WithoutWrapper(JsonPositions positions) {
  JsonPositions inner;
  const std::string prefix = PointerTo("", kWrapper);
  for (auto& [pointer, at] : positions) {
    if (pointer == prefix || pointer.starts_with(prefix + "/"))
      inner.emplace(pointer.substr(prefix.size()), at);
    else if (!pointer.empty())
      inner.emplace(pointer, at);
  }
  return inner;
}

// A fault of the text inside the wrapper points into the manifest.
std::string PointerWithoutWrapper(const std::string& pointer) {
  const std::string prefix = PointerTo("", kWrapper) + "/";
  return pointer.starts_with(prefix) ? pointer.substr(prefix.size() - 1) : pointer;
}

ParseOutcome Refused(JsonFault fault) {
  if (fault.code == "too-deep")
    fault.detail = "nested deeper than " + std::to_string(kDeepestDocument) +
                   " objects and lists in each other";
  ParseOutcome outcome;
  outcome.faults.push_back({PointerWithoutWrapper(fault.pointer), std::move(fault.code),
                            "The document cannot be read: " + fault.detail + ".", "", "",
                            fault.at});
  return outcome;
}

std::string* Password(Json& document) {
  const Json::json_pointer pointer("/model/container/customRegistry/password");
  return document.contains(pointer) ? document[pointer].get_ptr<std::string*>() : nullptr;
}

ParseOutcome Judge(TextDocument text) {
  FaultList beside(text.positions);
  if (IsWrapped(text.root)) {
    static constexpr std::string_view kKnown[] = {kWrapper};
    for (const auto& [name, value] : text.root.items()) {
      if (name != kWrapper)
        beside.Unknown(PointerTo("", name), name, "the wrapper of a manifest", kKnown);
    }
    text.positions = WithoutWrapper(std::move(text.positions));
    Json inner = std::move(text.root[kWrapper]);
    text.root = std::move(inner);
  }
  FaultList& faults = beside;
  if (DepthOf(text.root) > kDeepestDocument) return Refused({"", "too-deep", "", {}});
  if (!text.root.is_object()) {
    faults.MustBe("", "type", "an object", Found(text.root));
  } else if (IsWrapped(text.root)) {
    faults.Add("/manifest", "unknown-field", "The manifest is wrapped twice",
               "Take one {\"manifest\": …} away.");
  } else {
    Walk(text.root, ManifestShape(), "", faults);
    CheckRules(text.root, faults);
  }
  ParseOutcome outcome;
  outcome.faults = std::move(faults).Take();
  if (!outcome.faults.empty()) return outcome;
  outcome.warnings = WarningsOf(text.root);
  if (std::string* password = Password(text.root)) {
    outcome.keep_password = *password == kMask;
    if (!outcome.keep_password) outcome.password.emplace(std::move(*password));
    *password = kMask;
  }
  outcome.manifest = Fill(text.root);
  outcome.document = std::make_shared<const Json>(std::move(text.root));
  return outcome;
}

}  // namespace

ParseOutcome ParseManifest(std::string_view body, Format format) {
  // One level more for the wrapper; Judge() counts what is inside.
  auto text = ReadText(body, format, kDeepestDocument + 1);
  if (!text) return Refused(std::move(text).error());
  return Judge(std::move(*text));
}

ParseOutcome ParseManifest(const Json& document) {
  TextDocument text;
  text.root = document;
  return Judge(std::move(text));
}

std::string DefaultName(const Manifest& manifest, std::size_t room) {
  std::string source;
  if (manifest.model.container) {
    const std::string& image = manifest.model.container->image;
    source = image.substr(image.rfind('/') + 1);
  } else {
    source = manifest.model.external_url;
    source.erase(0, source.find("://") + 3);
    source.erase(std::min(source.find_first_of(":/"), source.size()));
  }
  std::string label;
  for (const char c : source) {
    const bool fits = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (fits)
      label += c;
    else if (c >= 'A' && c <= 'Z')
      label += static_cast<char>(c - 'A' + 'a');
    else if (!label.empty() && label.back() != '-')
      label += '-';
    if (label.size() + room >= 63) break;
  }
  while (label.ends_with('-')) label.pop_back();
  return IsLabel(label) ? label : "model";
}

std::vector<Fault> Unsupported(const Manifest& manifest) {
  const ModelSpec& model = manifest.model;
  std::vector<Fault> faults;
  const auto refuse = [&](bool when, std::string pointer, std::string found, std::string allowed) {
    if (!when) return;
    std::string detail = "This build cannot run " + found + "; it runs " + allowed + ".";
    faults.push_back({std::move(pointer),
                      "unsupported",
                      std::move(detail),
                      std::move(found),
                      std::move(allowed),
                      {}});
  };
  refuse(model.type != ModelType::kHttp, "/model/type",
         "models of type \"" + std::string(Name(model.type)) + "\"", "models of type \"http\"");
  refuse(model.hosted == Hosted::kExternal, "/model/hosted", "models that are hosted externally",
         "models that are hosted internally");
  refuse(manifest.trigger.type == TriggerType::kTimeWindow, "/trigger/type", "TIME_WINDOW triggers",
         "REAL_TIME triggers");
  refuse(model.async_deadline.has_value(), "/model/async", "models that answer later (async)",
         "models that answer at once");
  refuse(model.replicas > 1, "/model/replicas", std::to_string(model.replicas) + " replicas",
         "one replica");
  refuse(model.artifact.has_value(), "/model/artifact", "models from an artifact",
         "what the container's image holds");
  return faults;
}

}  // namespace outrigger::manifest
