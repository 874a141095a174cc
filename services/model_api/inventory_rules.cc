// SPDX-License-Identifier: Apache-2.0
#include "model_api/inventory_rules.h"

#include <vector>

#include "model_api/mapped_models.h"
#include "model_api/problems.h"
#include "outrigger/base/json.h"
#include "outrigger/manifest/units.h"

namespace outrigger::model_api {
namespace {

void CheckUnitsOf(const Definitions& definitions, const std::string& pointer, Faults& faults) {
  for (std::size_t i = 0; i < definitions.size(); ++i) {
    const auto& unit = definitions[i].unit;
    if (!unit || manifest::IsUnit(*unit)) continue;
    faults.push_back({PointerTo(PointerTo(pointer, i), "unit"), "unit",
                      "found \"" + *unit + "\"; allowed are UCUM codes, such as Cel, m/s2, Hz"});
  }
}

}  // namespace

void CheckUnits(const AssetType& type, Faults& faults) {
  CheckUnitsOf(type.attributes, "/attributes", faults);
  CheckUnitsOf(type.telemetries, "/telemetries", faults);
}

void CheckUnits(const Asset& asset, const std::string& pointer, Faults& faults) {
  CheckUnitsOf(asset.telemetries, PointerTo(pointer, "telemetries"), faults);
}

Judged<> CheckFlowOfAllModels(store::Transaction& transaction) {
  OR_ASSIGN(const MappedModels mapped, LoadMappedModels(transaction, ""));
  if (mapped.models.empty()) return {};
  const auto views = mapped.Views();
  if (auto fault = manifest::FindFlowFault(views, mapped.types))
    return WriterConflict(fault->detail);
  return {};
}

}  // namespace outrigger::model_api
