// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>
#include <utility>

#include "model_api/asset_type_store.h"
#include "model_api/deployed_model.h"
#include "model_api/etag.h"
#include "model_api/handlers.h"
#include "model_api/manifest_faults.h"
#include "model_api/mapped_models.h"
#include "model_api/model_document.h"
#include "outrigger/base/json.h"
#include "outrigger/manifest/mapping.h"

namespace outrigger::model_api {
namespace {

// Its route names more than the mapping: what no record could hold is refused here.
Judged<> CheckRoute(const manifest::Mapping& mapping) {
  nlohmann::json route;
  AddSides(route, mapping);
  const std::size_t bytes = Dump(route).size();
  if (bytes <= kRouteBytes) return {};
  return Invalid({
      {"", "too-large",
       "the route of this mapping has " + std::to_string(bytes) + " bytes, allowed are " +
           std::to_string(kRouteBytes) + "; map fewer groups, or by asset type"}
  });
}

// Every fault of the mapping: of its structure, of what it names, and of the flow through other
// models. A mapping with faults is not looked at for flow: its sides mean nothing yet.
Judged<> CheckAll(Context& context, const ModelRow& model, const manifest::Manifest& manifest,
                  manifest::MappingOutcome& outcome) {
  StoredDefinitions definitions(context.transaction);
  OR_ASSIGN(auto more, manifest::CheckMapping(outcome.mapping, manifest, definitions));
  outcome.faults.insert(outcome.faults.end(), std::make_move_iterator(more.begin()),
                        std::make_move_iterator(more.end()));
  if (outcome.ok()) {
    OR_ASSIGN(const MappedModels others,
              LoadMappedModels(context.transaction, model.name, outcome.mapping.Assets()));
    outcome.faults =
        manifest::CheckFlow({model.name, &outcome.mapping}, others.Views(), others.types);
  }
  if (!outcome.ok()) return Invalid(ToFaults(outcome.faults));
  return CheckRoute(outcome.mapping);
}

}  // namespace

Judged<Answer> PutMappings(Context& context) {
  const TenantId& tenant = context.caller.tenant;
  OR_RETURN_IF_ERROR(LockInventory(context.transaction, tenant));
  OR_ASSIGN(const ModelRow model, DraftModel(context, "a new mapping"));
  OR_RETURN_IF_ERROR(CheckIfMatch(context.request, EtagOfModel(model)));
  OR_RETURN_IF_ERROR(CheckQuery(context));
  OR_ASSIGN(const bool rehearsal, DryRun(context));
  OR_RETURN_IF_ERROR(TypeOfBody(context.request, false));
  OR_RETURN_IF_ERROR(SizeOfBody(context.request, kDocumentBytes));
  const auto stored =
      manifest::ParseManifest(nlohmann::json::parse(model.manifest, nullptr, false));
  if (!stored.manifest) {
    return Error(ErrorCode::kCorrupt, "the stored manifest of " + model.name + " has faults");
  }
  auto outcome = manifest::ParseMapping(std::string_view(context.request.body), *stored.manifest);
  if (!outcome.document && !outcome.ok()) return RefuseFaults(outcome.faults);
  OR_RETURN_IF_ERROR(CheckAll(context, model, *stored.manifest, outcome));

  OR_RETURN_IF_ERROR(StoreSides(context.transaction, tenant, model.name, outcome.mapping));
  OR_RETURN_IF_ERROR(UpdateMappings(context.transaction, model.name, Dump(*outcome.document)));
  OR_ASSIGN(const auto changed, FindModel(context.transaction, model.name, RowLock::kNone));
  if (!changed) return Missing();
  Answer answer = ModelAnswer(context, 200, *changed);
  answer.rehearsal = rehearsal;
  return answer;
}

}  // namespace outrigger::model_api
