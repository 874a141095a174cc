// SPDX-License-Identifier: Apache-2.0
#include "data_collector/credential_view.h"

#include <mutex>
#include <nlohmann/json.hpp>

#include "outrigger/base/ids.h"
#include "outrigger/base/json.h"
#include "outrigger/base/log.h"

namespace outrigger::data_collector {
namespace {

using Json = nlohmann::json;

std::optional<http::Credential> CredentialOf(const std::string& value) {
  const auto document = ParseJsonOr(value);
  if (!document.ok() || !document->is_object()) return std::nullopt;
  const auto text = [&](const char* name) {
    const auto at = document->find(name);
    return at != document->end() && at->is_string() ? at->get<std::string>() : std::string();
  };
  const auto role = http::ParseRole(text("role"));
  http::Credential credential{text("tenant"), text("name"), role.value_or(http::Role::kViewer), {}};
  if (!role || !IsLabel(credential.tenant)) return std::nullopt;
  const auto expires = document->find("expires");
  if (expires != document->end() && !expires->is_null()) {
    if (!expires->is_number_integer()) return std::nullopt;
    credential.expires_ms = expires->get<std::int64_t>();
  }
  return credential;
}

}  // namespace

void CredentialView::Apply(const messaging::Record& record) {
  if (!record.key) return;
  std::optional<http::Credential> credential;
  if (record.value) {
    credential = CredentialOf(*record.value);
    if (!credential)
      LogError("credential is broken", {
                                           {"offset", record.offset}
      });
  }
  const std::unique_lock lock(mutex_);
  if (credential) {
    by_key_.insert_or_assign(*record.key, std::move(*credential));
  } else {
    by_key_.erase(*record.key);
  }
}

std::optional<http::Credential> CredentialView::Find(const std::string& key) const {
  const std::shared_lock lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return std::nullopt;
  return found->second;
}

}  // namespace outrigger::data_collector
