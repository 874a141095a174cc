// SPDX-License-Identifier: Apache-2.0
// The rule that looks beyond one document of the inventory: the flow of telemetries through all
// mapped models.
//
// Requires: the tenant's inventory lock.
#pragma once

#include "model_api/judged.h"
#include "outrigger/store/database.h"

namespace outrigger::model_api {

// 409 when a mapped model would feed itself or two would write one telemetry. To be called after
// the types of assets changed in this transaction, before it is committed.
Judged<> CheckFlowOfAllModels(store::Transaction& transaction);

}  // namespace outrigger::model_api
