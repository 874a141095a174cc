// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <format>
#include <nlohmann/json.hpp>

#include "model_api/catalog_store.h"
#include "model_api/document.h"
#include "model_api/etag.h"
#include "model_api/handlers.h"
#include "model_api/paging.h"
#include "model_api/problems.h"
#include "model_api/token_store.h"
#include "outrigger/base/ids.h"
#include "outrigger/base/json.h"
#include "outrigger/base/text.h"

namespace outrigger::model_api {
namespace {

constexpr std::array<std::string_view, 2> kTenantFields = {"id", "retention"};
constexpr std::array<std::string_view, 1> kRetentionFields = {"historyDays"};
constexpr std::int64_t kMostDays = 36'500;
constexpr std::array<std::string_view, 3> kTokenFields = {"name", "role", "expires"};
constexpr std::size_t kTokenBytes = 32;
constexpr Millis kTopicDeadline{10'000};

std::optional<std::int64_t> ReadExpiry(ObjectReader& reader, std::int64_t now_ms) {
  const nlohmann::json* value = reader.Any("expires", Need::kOptional);
  if (!value) return std::nullopt;
  std::int64_t expires_ms = 0;
  if (value->is_number_integer()) {
    expires_ms = value->get<std::int64_t>();
  } else if (auto parsed = value->is_string() ? ParseTime(value->get_ref<const std::string&>())
                                              : Error(ErrorCode::kInvalidArgument, "")) {
    expires_ms = *parsed;
  } else {
    reader.Fault("expires", "bad-time", "allowed is RFC 3339, such as 2027-01-01T00:00:00Z");
    return std::nullopt;
  }
  constexpr std::int64_t kLastMs = 253'402'300'799'999;  // the year 9999
  if (expires_ms <= now_ms || expires_ms > kLastMs) {
    reader.Fault("expires", "out-of-range", "the time is past, or after the year 9999");
  }
  return expires_ms;
}

Credential ReadTokenRequest(const nlohmann::json& document, std::int64_t now_ms, Faults& faults) {
  Credential credential;
  ObjectReader reader(document, "", kTokenFields, faults);
  if (!reader.ok()) return credential;
  credential.name = reader.Text("name", {.max_characters = 128}).value_or("");
  if (!credential.name.empty() && !IsAssetId(credential.name)) {
    reader.Fault("name", "bad-name",
                 "allowed are 1 to 128 of A-Z a-z 0-9 . _ -, the first a letter or digit");
  }
  if (const auto role = reader.OneOf("role", kRoleNames)) {
    credential.role = http::ParseRole(*role).value_or(Role::kViewer);
  }
  credential.expires_ms = ReadExpiry(reader, now_ms);
  return credential;
}

nlohmann::json ToJson(const Credential& credential) {
  nlohmann::json document = {
      {"name", credential.name      },
      {"role", Name(credential.role)}
  };
  if (credential.expires_ms) document["expires"] = FormatTime(*credential.expires_ms);
  return document;
}

// The tenant that a document describes; `expected` is the one of the path.
Tenant ReadTenant(const nlohmann::json& document, const std::optional<TenantId>& expected,
                  Faults& faults) {
  Tenant tenant{expected.value_or(TenantId()), std::nullopt};
  ObjectReader reader(document, "", kTenantFields, faults);
  if (!reader.ok()) return tenant;
  const Need need = expected ? Need::kOptional : Need::kRequired;
  if (const auto id = reader.Text("id", {.need = need, .max_characters = 63})) {
    if (expected && *id != expected->str()) {
      reader.Fault("id", "not-allowed",
                   "the id cannot be changed; leave it out or repeat the path's");
    } else if (!IsLabel(*id)) {
      reader.Fault("id", "bad-id", "allowed are 1 to 63 of a-z 0-9 -, neither first nor last a -");
    }
    tenant.id = TenantId(*id);
  }
  const nlohmann::json* retention = reader.Object("retention", Need::kOptional);
  if (retention == nullptr) return tenant;
  ObjectReader days(*retention, reader.PointerOf("retention"), kRetentionFields, faults);
  const nlohmann::json* value = days.Any("historyDays", Need::kOptional);
  if (value == nullptr) return tenant;
  if (!value->is_number_integer()) {
    days.Fault("historyDays", "wrong-type",
               std::format("found {}; allowed is a whole number of days", KindOf(*value)));
  } else if (*value < 1 || *value > kMostDays) {
    days.Fault("historyDays", "out-of-range",
               std::format("found {}; allowed are 1 to {}; leave it out to keep history for ever",
                           value->dump(), kMostDays));
  } else {
    tenant.history_days = value->get<std::int64_t>();
  }
  return tenant;
}

nlohmann::json ToJson(const Tenant& tenant) {
  nlohmann::json document = {
      {"id", tenant.id.str()}
  };
  if (tenant.history_days) document["retention"]["historyDays"] = *tenant.history_days;
  return document;
}

// The tenant of the path, and the transaction turned to it. Who is no platform admin sees his own
// only: another one answers as a missing one.
Judged<TenantId> PathTenant(Context& context) {
  const TenantId tenant(context.Param("id"));
  const bool own = tenant == context.caller.tenant;
  if (!own && context.caller.role != Role::kPlatformAdmin) return Missing();
  OR_ASSIGN(const auto found, FindTenant(context.transaction, tenant));
  if (!found) return Missing();
  if (!own) OR_RETURN_IF_ERROR(context.transaction.SetTenant(tenant));
  return tenant;
}

}  // namespace

Judged<Answer> PostTenant(Context& context) {
  OR_ASSIGN(const nlohmann::json document, ReadBody(context));
  Faults faults;
  const Tenant tenant = ReadTenant(document, std::nullopt, faults);
  if (!faults.empty()) return Invalid(std::move(faults));
  const std::string& id = tenant.id.str();
  OR_ASSIGN(const auto found, FindTenant(context.transaction, tenant.id));
  if (found) return Taken(std::format("there is a tenant {}", id));

  // Topics first: a tenant that is there can be used. Without Kafka nothing is stored.
  OR_RETURN_IF_ERROR(context.api.kafka.CreateTopics(messaging::TenantTopics(id), kTopicDeadline));
  OR_ASSIGN(const bool made, InsertTenant(context.transaction, tenant));
  if (!made) return Taken(std::format("there is a tenant {}", id));
  Answer answer = ObjectAnswer(201, ToJson(tenant));
  if (tenant.history_days) {
    OR_RETURN_IF_ERROR(context.transaction.SetTenant(tenant.id));
    OR_ASSIGN(answer.outbox_id, AnnounceTenant(context.transaction, tenant));
    OR_RETURN_IF_ERROR(context.transaction.SetTenant(context.caller.tenant));
  }
  answer.headers.emplace_back("Location", std::format("/api/v1/tenants/{}", id));
  return answer;
}

Judged<Answer> GetTenant(Context& context) {
  OR_ASSIGN(const TenantId id, PathTenant(context));
  OR_ASSIGN(const auto tenant, FindTenant(context.transaction, id));
  if (!tenant) return Missing();
  return ObjectAnswer(200, ToJson(*tenant));
}

Judged<Answer> PutTenant(Context& context) {
  OR_ASSIGN(const TenantId id, PathTenant(context));
  OR_ASSIGN(const auto old, LockTenant(context.transaction, id));
  if (!old) return Missing();
  OR_RETURN_IF_ERROR(CheckIfMatch(context.request, EtagOf(Dump(ToJson(*old)))));
  OR_ASSIGN(const nlohmann::json document, ReadBody(context));
  Faults faults;
  const Tenant tenant = ReadTenant(document, id, faults);
  if (!faults.empty()) return Invalid(std::move(faults));
  OR_RETURN_IF_ERROR(UpdateTenant(context.transaction, tenant));
  Answer answer = ObjectAnswer(200, ToJson(tenant));
  OR_ASSIGN(answer.outbox_id, AnnounceTenant(context.transaction, tenant));
  return answer;
}

Judged<Answer> ListTenantsPage(Context& context) {
  OR_ASSIGN(const Page page, PageOf(context.request));
  OR_ASSIGN(const auto tenants, ListTenants(context.transaction, page));
  std::vector<std::pair<std::string, nlohmann::json>> found;
  for (const Tenant& tenant : tenants) found.emplace_back(tenant.id.str(), ToJson(tenant));
  return Answer{.body = ListBody(page, std::move(found))};
}

Judged<Answer> PostToken(Context& context) {
  OR_ASSIGN(const TenantId tenant, PathTenant(context));
  OR_ASSIGN(const nlohmann::json document, ReadBody(context));
  Faults faults;
  Credential credential = ReadTokenRequest(document, context.api.clock.WallMs(), faults);
  if (!faults.empty()) return Invalid(std::move(faults));
  if (credential.role > context.caller.role) {
    return Forbidden("the role " + std::string(Name(credential.role)) +
                     " is above the one of the token you use");
  }
  const std::string token = "ort_" + ToBase64Url(RandomBytes(kTokenBytes));
  credential.tenant = tenant;
  credential.hash = http::TokenKey(token);
  OR_ASSIGN(const bool made, InsertToken(context.transaction, credential));
  if (!made) return Taken("there is a token " + credential.name);
  OR_ASSIGN(const std::int64_t outbox, AnnounceCredential(context.transaction, credential));
  nlohmann::json shown = ToJson(credential);
  Answer answer{.status = 201, .outbox_id = outbox};
  answer.headers.emplace_back("ETag", EtagOf(Dump(shown)));
  answer.headers.emplace_back("Location",
                              "/api/v1/tenants/" + tenant.str() + "/tokens/" + credential.name);
  answer.headers.emplace_back("Cache-Control", "no-store");
  shown["token"] = token;
  answer.body = Dump(shown);
  return answer;
}

Judged<Answer> ListTokensPage(Context& context) {
  OR_ASSIGN(const TenantId tenant, PathTenant(context));
  OR_ASSIGN(const Page page, PageOf(context.request));
  OR_ASSIGN(const auto tokens, ListTokens(context.transaction, tenant, page));
  std::vector<std::pair<std::string, nlohmann::json>> found;
  for (const Credential& token : tokens) found.emplace_back(token.name, ToJson(token));
  return Answer{.body = ListBody(page, std::move(found))};
}

Judged<Answer> RemoveToken(Context& context) {
  OR_ASSIGN(const TenantId tenant, PathTenant(context));
  OR_ASSIGN(const auto token, FindToken(context.transaction, tenant, context.Param("name")));
  if (!token) return Missing();
  if (token->role > context.caller.role) {
    return Forbidden("the token's role " + std::string(Name(token->role)) +
                     " is above the one of the token you use");
  }
  OR_RETURN_IF_ERROR(CheckIfMatch(context.request, EtagOf(Dump(ToJson(*token)))));
  OR_RETURN_IF_ERROR(ReadNoBody(context));
  OR_RETURN_IF_ERROR(DeleteToken(context.transaction, token->name));
  OR_ASSIGN(const std::int64_t outbox, AnnounceRevoked(context.transaction, token->hash));
  return Answer{.status = 204, .outbox_id = outbox};
}

}  // namespace outrigger::model_api
