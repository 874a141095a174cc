// SPDX-License-Identifier: Apache-2.0
// Inventory: asset types and assets as values, read from and shown as the documents of the API.
//
// Threads:  plain values and pure functions.
// See also: docs/formats/catalog.md
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "model_api/definitions.h"

namespace outrigger::model_api {

struct AssetType {
  std::string id;
  std::string name;
  Definitions attributes;
  Definitions telemetries;
};

struct Asset {
  std::string id;
  std::string name;
  std::string type;
  std::string attributes = "{}";  // a JSON object as text
  Definitions telemetries;        // beside those of the type
};

// Reads a document; faults are noted. `id`: the one in the path of a PUT.
AssetType ReadAssetType(const nlohmann::json& document, const std::optional<std::string>& id,
                        Faults& faults);
Asset ReadAsset(const nlohmann::json& document, const std::string& pointer,
                const std::optional<std::string>& id, Faults& faults);

nlohmann::json ToJson(const AssetType& type);
nlohmann::json ToJson(const Asset& asset);
// The record for `catalog`: what the data plane must know of a type.
nlohmann::json CatalogRecord(const AssetType& type);

// What of an asset does not fit its type: attributes that the type does not define or defines with
// another type, telemetries that the type has already.
void CheckAgainstType(const Asset& asset, const AssetType& type, const std::string& pointer,
                      Faults& faults);

}  // namespace outrigger::model_api
