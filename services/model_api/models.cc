// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>
#include <utility>

#include "model_api/asset_type_store.h"
#include "model_api/etag.h"
#include "model_api/handlers.h"
#include "model_api/manifest_faults.h"
#include "model_api/mapped_models.h"
#include "model_api/model_document.h"
#include "model_api/paging.h"
#include "model_api/registry_store.h"
#include "outrigger/base/json.h"
#include "outrigger/lifecycle/states.h"
#include "outrigger/manifest/manifest.h"
#include "outrigger/manifest/mapping.h"
#include "outrigger/store/postgres_lifecycle.h"

namespace outrigger::model_api {
namespace {

constexpr std::string_view kRegistryPointer = "/model/container/customRegistry";
constexpr int kNumberedNames = 50;

// The manifest in the body, whole and without a fault: 415, 413, 400, 422.
Judged<manifest::ParseOutcome> ReadManifest(Context& context) {
  OR_RETURN_IF_ERROR(CheckQuery(context));
  OR_ASSIGN(const DocumentType type, TypeOfBody(context.request, true));
  OR_RETURN_IF_ERROR(SizeOfBody(context.request, kDocumentBytes));
  auto outcome = manifest::ParseManifest(context.request.body, type == DocumentType::kYaml
                                                                   ? manifest::Format::kYaml
                                                                   : manifest::Format::kJson);
  if (!outcome.faults.empty()) return RefuseFaults(outcome.faults);
  return outcome;
}

http::Problem RegistryFault(std::string_view member, std::string code, std::string detail) {
  return Invalid({
      {PointerTo(kRegistryPointer, member), std::move(code), std::move(detail)}
  });
}

// Whether the mask stands for `stored`'s password: only where it would go to whom it was given for.
bool KeepsPassword(const Registry& stored, const Registry& wanted) {
  return !stored.password_sealed.empty() && stored.registry == wanted.registry &&
         stored.username == wanted.username;
}

// Stores the manifest's registry under the model's name, or checks that the one it names is there.
// `mask`: whether "********" may stand for a stored password.
enum class Mask { kRefused, kKeepsPassword };
Judged<> StoreRegistry(Context& context, const std::string& model,
                       const manifest::ParseOutcome& outcome, Mask mask) {
  const auto& container = outcome.manifest->model.container;
  if (!container || !container->custom_registry) return {};
  const manifest::CustomRegistry& wanted = *container->custom_registry;
  const std::string& name = wanted.name.empty() ? model : wanted.name;
  OR_ASSIGN(const auto stored, FindRegistry(context.transaction, name));
  if (!wanted.name.empty()) {
    if (stored) return {};
    return RegistryFault("name", "not-found", "there is no container registry of this name");
  }
  Registry registry{name, wanted.registry, wanted.username, "", model};
  const bool ours = stored && stored->owner_model == model;
  if (outcome.keep_password &&
      (mask == Mask::kRefused || !ours || !KeepsPassword(*stored, registry))) {
    return RegistryFault("password", "masked",
                         "this stands for the password stored for the model's registry and user "
                         "name, and there is none for these; send the password itself");
  }
  if (stored && !ours) {
    return Taken("there is a container registry " + name + " that is not this model's",
                 {
                     {std::string(kRegistryPointer), "taken",
                      "refer to that registry by its name, or give the model another name"}
    });
  }
  const TenantId& tenant = context.caller.tenant;
  if (outcome.password) {
    registry.password_sealed =
        context.api.sealer.Seal(outcome.password->Reveal(), RegistryContext(tenant, name));
  } else if (outcome.keep_password) {
    registry.password_sealed = stored->password_sealed;
  }
  OR_RETURN_IF_ERROR(PutRegistry(context.transaction, tenant, registry));
  return {};
}

// Inserts the model under its own name, or the first free one made from its image.
Judged<std::string> InsertNamed(Context& context, const manifest::ParseOutcome& outcome) {
  const manifest::Manifest& manifest = *outcome.manifest;
  const std::string document = Dump(*outcome.document);
  const std::string warnings = WarningsText(outcome.warnings);
  const auto insert = [&](const std::string& name) {
    return InsertModel(context.transaction, context.caller.tenant, name, manifest, document,
                       warnings);
  };
  if (!manifest.name.empty()) {
    OR_ASSIGN(const bool made, insert(manifest.name));
    if (made) return manifest.name;
    return Taken("there is a model " + manifest.name,
                 {
                     {"/name", "taken", "there is a model of this name"}
    });
  }
  const std::string base = manifest::DefaultName(manifest);
  for (int number = 1; number <= kNumberedNames + 3; ++number) {
    const std::string suffix = number <= kNumberedNames ? std::to_string(number) : RandomId(6);
    const std::string name = number == 1 ? base : base + "-" + suffix;
    OR_ASSIGN(const bool made, insert(name));
    if (made) return name;
  }
  return Taken("every name made from the image is taken; give the manifest a name");
}

// Whether the stored mapping still fits a new manifest.
Judged<bool> MappingFits(Context& context, const ModelRow& model,
                         const manifest::Manifest& manifest) {
  auto outcome =
      manifest::ParseMapping(nlohmann::json::parse(*model.mappings, nullptr, false), manifest);
  if (!outcome.ok()) return false;
  StoredDefinitions definitions(context.transaction);
  OR_ASSIGN(const auto faults, manifest::CheckMapping(outcome.mapping, manifest, definitions));
  return faults.empty();
}

Judged<Answer> Reread(Context& context, const std::string& name, int status) {
  OR_ASSIGN(const auto model, FindModel(context.transaction, name, RowLock::kNone));
  if (!model) return Missing();
  OR_ASSIGN(const bool rehearsal, DryRun(context));
  Answer answer = ModelAnswer(context, rehearsal ? 200 : status, *model);
  answer.rehearsal = rehearsal;
  return answer;
}

}  // namespace

Judged<Answer> PostModel(Context& context) {
  OR_RETURN_IF_ERROR(DryRun(context));
  OR_ASSIGN(const manifest::ParseOutcome outcome, ReadManifest(context));
  OR_ASSIGN(const std::string name, InsertNamed(context, outcome));
  OR_RETURN_IF_ERROR(StoreRegistry(context, name, outcome, Mask::kRefused));
  lifecycle::StateChange submission;
  submission.reason = "Submitted";
  submission.actor = context.caller.token;
  OR_RETURN_IF_ERROR(store::RecordStateChange(context.transaction, context.caller.tenant,
                                              ModelName(name), submission));
  OR_ASSIGN(Answer answer, Reread(context, name, 201));
  if (answer.rehearsal) return answer;
  answer.headers.emplace_back("Location", "/api/v1/models/" + name);
  return answer;
}

Judged<Answer> ListModels(Context& context) {
  OR_ASSIGN(const Page page, PageOf(context.request));
  std::optional<std::string> state;
  if (const auto wanted = context.request.Query("state")) {
    if (!lifecycle::StateFrom(*wanted)) {
      return BadQuery("there is no such state",
                      "state is one of DRAFT, DEPLOYING, ACTIVE, "
                      "RECOVERING, HALTING, HALTED, RESUMING, WITHDRAWING, REMOVING");
    }
    state = std::string(*wanted);
  }
  OR_ASSIGN(const auto models, ListModelRows(context.transaction, state, page));
  std::vector<std::pair<std::string, nlohmann::json>> found;
  for (const ModelRow& model : models.rows)
    found.emplace_back(model.name, ModelDocument(context, model));
  return Answer{.body = ListBody(page, std::move(found), models.cut)};
}

Judged<Answer> GetModel(Context& context) {
  OR_ASSIGN(const ModelRow model, ExistingModel(context, RowLock::kNone));
  return ModelAnswer(context, 200, model);
}

Judged<Answer> PutManifest(Context& context) {
  OR_RETURN_IF_ERROR(LockInventory(context.transaction, context.caller.tenant));
  OR_ASSIGN(const ModelRow model, DraftModel(context, "a new manifest"));
  OR_RETURN_IF_ERROR(CheckIfMatch(context.request, EtagOfModel(model)));
  OR_RETURN_IF_ERROR(DryRun(context));
  OR_ASSIGN(manifest::ParseOutcome outcome, ReadManifest(context));
  const manifest::Manifest& manifest = *outcome.manifest;
  if (!manifest.name.empty() && manifest.name != model.name) {
    return Invalid({
        {"/name", "not-allowed", "the name of a model cannot be changed; it is " + model.name}
    });
  }
  OR_RETURN_IF_ERROR(StoreRegistry(context, model.name, outcome, Mask::kKeepsPassword));
  if (model.mappings) {
    OR_ASSIGN(const bool fits, MappingFits(context, model, manifest));
    if (!fits) {
      OR_RETURN_IF_ERROR(DropSides(context.transaction, model.name));
      OR_RETURN_IF_ERROR(UpdateMappings(context.transaction, model.name, std::nullopt));
      outcome.warnings.push_back(
          {"", "mappings-dropped", "the mappings do not fit this manifest: map the model anew"});
    }
  }
  OR_RETURN_IF_ERROR(UpdateManifest(context.transaction, context.caller.tenant, model.name,
                                    manifest, Dump(*outcome.document),
                                    WarningsText(outcome.warnings)));
  return Reread(context, model.name, 200);
}

}  // namespace outrigger::model_api
