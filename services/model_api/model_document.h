// SPDX-License-Identifier: Apache-2.0
// The model document: what is wanted (manifest, mappings) and how it stands (status).
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "model_api/context.h"
#include "model_api/model_store.h"
#include "outrigger/lifecycle/boards.h"

namespace outrigger::model_api {

// `companion`: the last word of the deployment's companion, when there is a deployment.
nlohmann::json ModelDocument(const ModelRow& model,
                             const std::optional<lifecycle::CompanionStatus>& companion);
// Of uid and generation: the status does not change it.
std::string EtagOfModel(const ModelRow& model);

// The same with the companion's word looked up.
nlohmann::json ModelDocument(Context& context, const ModelRow& model);
Answer ModelAnswer(Context& context, int status, const ModelRow& model);

// 404 when there is none.
Judged<ModelRow> ExistingModel(Context& context, RowLock lock);
// 404, then 409 unless it is in DRAFT.
Judged<ModelRow> DraftModel(Context& context, std::string_view action);

}  // namespace outrigger::model_api
