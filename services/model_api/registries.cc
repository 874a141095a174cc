// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "model_api/document.h"
#include "model_api/etag.h"
#include "model_api/handlers.h"
#include "model_api/paging.h"
#include "model_api/problems.h"
#include "model_api/registry_store.h"
#include "outrigger/base/ids.h"
#include "outrigger/base/json.h"
#include "outrigger/base/secret.h"
#include "outrigger/manifest/manifest.h"

namespace outrigger::model_api {
namespace {

constexpr std::array<std::string_view, 4> kFields = {"name", "registry", "username", "password"};

struct NewRegistry {
  Registry registry;
  Secret password{""};
};

// host or host:port, perhaps with a path: what stands before an image's name.
bool IsRegistryHost(std::string_view text) {
  return std::ranges::all_of(text,
                             [](char c) {
                               return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
                                      std::string_view(".-_:/[]").contains(c);
                             }) &&
         !text.contains("//");
}

NewRegistry ReadRegistry(const nlohmann::json& document, Faults& faults) {
  NewRegistry read;
  ObjectReader reader(document, "", kFields, faults);
  if (!reader.ok()) return read;
  if (auto name = reader.Text("name", {.max_characters = 128})) {
    if (!IsAssetId(*name)) {
      reader.Fault("name", "bad-name",
                   "allowed are 1 to 128 of A-Z a-z 0-9 . _ -, the first a letter or digit");
    }
    read.registry.name = *std::move(name);
  }
  if (auto host = reader.Text("registry", {.max_characters = 255})) {
    if (!IsRegistryHost(*host)) {
      reader.Fault("registry", "bad-registry",
                   "allowed is a host, perhaps with a port, without scheme: registry.example:5000");
    }
    read.registry.registry = *std::move(host);
  }
  constexpr TextRule kCredential{
      .need = Need::kOptional, .max_characters = 4096, .may_be_empty = true};
  read.registry.username = reader.Text("username", kCredential).value_or("");
  std::string password = reader.Text("password", kCredential).value_or("");
  if (password == manifest::kMask) {
    reader.Fault("password", "masked",
                 "this stands for a stored password, and there is none; send the password itself");
  }
  read.password = Secret(std::move(password));
  return read;
}

nlohmann::json ToJson(const Registry& registry) {
  nlohmann::json document = {
      {"name",     registry.name    },
      {"registry", registry.registry},
      {"username", registry.username}
  };
  if (!registry.password_sealed.empty()) document["password"] = manifest::kMask;
  return document;
}

// Covers the sealed text too, so that a new password is a new version; the digest tells nothing.
std::string EtagOfRegistry(const Registry& registry) {
  return EtagOf(Dump(ToJson(registry)) + registry.password_sealed);
}

Answer RegistryAnswer(int status, const Registry& registry) {
  Answer answer{.status = status, .body = Dump(ToJson(registry))};
  answer.headers.emplace_back("ETag", EtagOfRegistry(registry));
  return answer;
}

Judged<Registry> Existing(Context& context) {
  OR_ASSIGN(auto registry, FindRegistry(context.transaction, context.Param("name")));
  if (!registry) return Missing();
  return *std::move(registry);
}

}  // namespace

Judged<Answer> PostRegistry(Context& context) {
  OR_ASSIGN(const nlohmann::json document, ReadBody(context));
  Faults faults;
  NewRegistry read = ReadRegistry(document, faults);
  if (!faults.empty()) return Invalid(std::move(faults));

  const TenantId& tenant = context.caller.tenant;
  Registry& registry = read.registry;
  if (!read.password.Reveal().empty()) {
    registry.password_sealed =
        context.api.sealer.Seal(read.password.Reveal(), RegistryContext(tenant, registry.name));
  }
  OR_ASSIGN(const bool made, InsertRegistry(context.transaction, tenant, registry));
  if (!made) return Taken("there is a container registry " + registry.name);
  Answer answer = RegistryAnswer(201, registry);
  answer.headers.emplace_back("Location", "/api/v1/container-registries/" + registry.name);
  return answer;
}

Judged<Answer> ListRegistries(Context& context) {
  OR_ASSIGN(const Page page, PageOf(context.request));
  OR_ASSIGN(const auto registries, ListRegistriesFrom(context.transaction, page));
  std::vector<std::pair<std::string, nlohmann::json>> found;
  for (const Registry& registry : registries) found.emplace_back(registry.name, ToJson(registry));
  return Answer{.body = ListBody(page, std::move(found))};
}

Judged<Answer> GetRegistry(Context& context) {
  OR_ASSIGN(const Registry registry, Existing(context));
  return RegistryAnswer(200, registry);
}

Judged<Answer> DeleteRegistry(Context& context) {
  OR_ASSIGN(const Registry registry, Existing(context));
  OR_ASSIGN(const auto model, ModelUsingRegistry(context.transaction, registry.name));
  if (model) {
    return InUse("the manifest of the model " + *model + " refers to it",
                 "change that manifest or remove the model first");
  }
  OR_RETURN_IF_ERROR(CheckIfMatch(context.request, EtagOfRegistry(registry)));
  OR_RETURN_IF_ERROR(ReadNoBody(context));
  OR_RETURN_IF_ERROR(DeleteRegistryRow(context.transaction, registry.name));
  return Answer{.status = 204};
}

}  // namespace outrigger::model_api
