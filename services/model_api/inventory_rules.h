// SPDX-License-Identifier: Apache-2.0
// Rules of the inventory that look beyond one document: units, and the flow of telemetries through
// all mapped models.
//
// Threads:  functions without state; those with a transaction hold the tenant's inventory lock.
#pragma once

#include <optional>
#include <string>

#include "model_api/inventory.h"
#include "model_api/judged.h"
#include "outrigger/store/database.h"

namespace outrigger::model_api {

// Units that are no UCUM codes.
void CheckUnits(const AssetType& type, Faults& faults);
void CheckUnits(const Asset& asset, const std::string& pointer, Faults& faults);

// 409 when a mapped model would feed itself or two would write one telemetry. To be called after
// the types of assets changed in this transaction, before it is committed.
Judged<> CheckFlowOfAllModels(store::Transaction& transaction);

}  // namespace outrigger::model_api
