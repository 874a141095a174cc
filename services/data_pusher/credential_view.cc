// SPDX-License-Identifier: Apache-2.0
#include "data_pusher/credential_view.h"

#include <mutex>
#include <nlohmann/json.hpp>
#include <utility>

#include "data_pusher/read_table.h"
#include "outrigger/base/json.h"
#include "outrigger/base/log.h"

namespace outrigger::data_pusher {

constexpr std::chrono::milliseconds kReadDeadline{1'000};

Result<http::Credential> ParseCredential(std::string_view text) {
  const auto document = ParseJsonOr(text);
  if (!document) return Error(ErrorCode::kCorrupt, document.error().message());
  try {
    http::Credential credential;
    credential.tenant = document->at("tenant").get<std::string>();
    credential.name = document->at("name").get<std::string>();
    const auto role = http::ParseRole(document->at("role").get<std::string>());
    if (!role) return Error(ErrorCode::kCorrupt, "unknown role");
    credential.role = *role;
    if (const auto expires = document->find("expires");
        expires != document->end() && !expires->is_null()) {
      credential.expires_ms = expires->get<std::int64_t>();
    }
    return credential;
  } catch (const nlohmann::json::exception& e) {
    return Error(ErrorCode::kCorrupt, e.what());
  }
}

Result<std::unique_ptr<CredentialView>> CredentialView::Start(
    const messaging::KafkaOptions& kafka) {
  std::unique_ptr<CredentialView> view(new CredentialView());
  CredentialView* const self = view.get();
  OR_ASSIGN(view->table_, messaging::CompactedTable::Start(
                              kafka, "credentials",
                              [self](const messaging::Record& record) { self->Apply(record); },
                              [self] { self->ready_ = true; }));
  return view;
}

void CredentialView::Apply(const messaging::Record& record) {
  if (!record.key) return;
  std::optional<http::Credential> credential;
  if (record.value) {
    Result<http::Credential> parsed = ParseCredential(*record.value);
    if (parsed) {
      credential = *std::move(parsed);
    } else {
      LogWarning("credential ignored", {parsed.error()});  // and what it replaces is revoked
    }
  }
  const std::unique_lock lock(mutex_);
  if (credential) {
    credentials_.insert_or_assign(*record.key, *std::move(credential));
  } else {
    credentials_.erase(*record.key);
  }
}

std::optional<http::Credential> CredentialView::Known(std::string_view key) const {
  const std::shared_lock lock(mutex_);
  const auto found = credentials_.find(key);
  if (found == credentials_.end()) return std::nullopt;
  return found->second;
}

Result<std::optional<http::Credential>> CredentialView::Find(std::string_view token) {
  const std::string key = http::TokenKey(token);
  if (auto known = Known(key)) return known;
  OR_RETURN_IF_ERROR(ReadTable(*table_, kReadDeadline, [] {}));
  return Known(key);
}

}  // namespace outrigger::data_pusher
