// SPDX-License-Identifier: Apache-2.0
#include "model_api/inventory_rules.h"

#include "model_api/mapped_models.h"
#include "model_api/problems.h"

namespace outrigger::model_api {

Judged<> CheckFlowOfAllModels(store::Transaction& transaction) {
  OR_ASSIGN(const MappedModels mapped, LoadMappedModels(transaction, ""));
  if (mapped.models.empty()) return {};
  const auto views = mapped.Views();
  if (auto fault = manifest::FindFlowFault(views, mapped.types))
    return WriterConflict(fault->detail);
  return {};
}

}  // namespace outrigger::model_api
