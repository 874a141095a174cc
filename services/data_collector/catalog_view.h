// SPDX-License-Identifier: Apache-2.0
// CatalogView: what the topic `catalog` says about assets and their types, so that a sample is
// checked without asking the control plane.
//
// Threads:  Apply() is called by one thread; Find() may be called concurrently.
// See also: docs/formats/catalog.md
#pragma once

#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "outrigger/messaging/record.h"

namespace outrigger::data_collector {

enum class TelemetryType { kNumber, kString, kBoolean };

struct TelemetryDefinition {
  TelemetryType type = TelemetryType::kNumber;
  std::string unit;  // UCUM; empty: none
};

// Lets maps of std::string be asked with a std::string_view.
struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>{}(text);
  }
};

using Telemetries = std::unordered_map<std::string, TelemetryDefinition, TextHash, std::equal_to<>>;

// An asset's telemetries: those of its type and its own. The parts are shared with the view, which
// replaces and never changes them, so a definition stays as it was while it is used.
class AssetDefinition {
 public:
  AssetDefinition(std::shared_ptr<const Telemetries> of_type,
                  std::shared_ptr<const Telemetries> own)
      : of_type_(std::move(of_type)), own_(std::move(own)) {}
  // Null when the asset has no such telemetry.
  const TelemetryDefinition* Find(std::string_view name) const;

 private:
  std::shared_ptr<const Telemetries> of_type_;
  std::shared_ptr<const Telemetries> own_;  // null: none
};

class CatalogView {
 public:
  // Takes in one record of the topic; kinds that are not ours and broken values are skipped.
  void Apply(const messaging::Record& record);
  // nullopt for an asset that is unknown, or whose type is.
  std::optional<AssetDefinition> Find(std::string_view tenant, std::string_view asset) const;
  std::size_t assets() const;

 private:
  struct Asset {
    std::string type;  // TENANT/TYPE
    std::shared_ptr<const Telemetries> own;
  };
  void Replace(std::string_view kind, const std::string& key, std::string_view tenant,
               const std::string& value);

  mutable std::shared_mutex mutex_;
  std::unordered_map<std::string, Asset, TextHash, std::equal_to<>> assets_;  // TENANT/ASSET
  std::unordered_map<std::string, std::shared_ptr<const Telemetries>, TextHash, std::equal_to<>>
      types_;  // TENANT/TYPE
};

}  // namespace outrigger::data_collector
