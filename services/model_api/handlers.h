// SPDX-License-Identifier: Apache-2.0
// The handlers of the route table, one file of each resource.
//
// Threads: each call has its own Context; handlers keep nothing between requests.
// See also: route_table.cc (which route is whose), contracts of the answers in openapi.json
#pragma once

#include "model_api/context.h"

namespace outrigger::model_api {

// registries.cc
Judged<Answer> PostRegistry(Context& context);
Judged<Answer> ListRegistries(Context& context);
Judged<Answer> GetRegistry(Context& context);
Judged<Answer> DeleteRegistry(Context& context);

// asset_types.cc
Judged<Answer> PostAssetType(Context& context);
Judged<Answer> ListTypes(Context& context);
Judged<Answer> GetAssetType(Context& context);
Judged<Answer> PutAssetType(Context& context);
Judged<Answer> RemoveAssetType(Context& context);

// assets.cc
Judged<Answer> PostAssets(Context& context);
Judged<Answer> ListAssetsPage(Context& context);
Judged<Answer> GetAsset(Context& context);
Judged<Answer> PutAsset(Context& context);
Judged<Answer> RemoveAsset(Context& context);

// models.cc
Judged<Answer> PostModel(Context& context);
Judged<Answer> ListModels(Context& context);
Judged<Answer> GetModel(Context& context);
Judged<Answer> PutManifest(Context& context);

// mappings.cc
Judged<Answer> PutMappings(Context& context);

// sagas.cc
Judged<Answer> DeployModel(Context& context);
Judged<Answer> WithdrawModel(Context& context);
Judged<Answer> HaltModel(Context& context);
Judged<Answer> ResumeModel(Context& context);
Judged<Answer> RemoveModel(Context& context);
Judged<Answer> GetOperation(Context& context);

// histories.cc
Judged<Answer> ListStateHistory(Context& context);
Judged<Answer> ListHealthHistory(Context& context);
Judged<Answer> ListDeadLetters(Context& context);
Judged<Answer> GetLogs(Context& context);

// replays.cc
Judged<Answer> ReplayDeadLetters(Context& context);

// tenants.cc
Judged<Answer> PostTenant(Context& context);
Judged<Answer> ListTenantsPage(Context& context);
Judged<Answer> GetTenant(Context& context);
Judged<Answer> PutTenant(Context& context);
Judged<Answer> PostToken(Context& context);
Judged<Answer> ListTokensPage(Context& context);
Judged<Answer> RemoveToken(Context& context);

}  // namespace outrigger::model_api
