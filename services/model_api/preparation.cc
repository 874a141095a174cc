// SPDX-License-Identifier: Apache-2.0
#include "model_api/preparation.h"

#include <algorithm>
#include <condition_variable>
#include <iterator>
#include <utility>
#include <vector>

#include "model_api/catalog_store.h"
#include "model_api/token_store.h"
#include "outrigger/base/log.h"
#include "outrigger/base/retry.h"
#include "outrigger/http/bearer.h"

namespace outrigger::model_api {
namespace {

constexpr Millis kMigrateDeadline{60'000};
constexpr Millis kTopicDeadline{5'000};  // a stop waits for it
constexpr const char* kBootstrapName = "bootstrap";

Result<> PutBootstrapToken(store::Transaction& transaction, const Credential& credential) {
  OR_RETURN_IF_ERROR(InsertTenant(transaction, {credential.tenant, std::nullopt}));
  OR_ASSIGN(const auto present, FindToken(transaction, credential.tenant, credential.name));
  if (present && present->hash == credential.hash && present->role == credential.role) return {};
  if (present) {
    OR_RETURN_IF_ERROR(DeleteToken(transaction, present->name));
    OR_RETURN_IF_ERROR(AnnounceRevoked(transaction, present->hash));
  }
  OR_ASSIGN(const bool made, InsertToken(transaction, credential));
  if (!made) {
    return Error(ErrorCode::kConflict, "another token has the text of the bootstrap token",
                 "bootstrap_token_file");
  }
  OR_RETURN_IF_ERROR(AnnounceCredential(transaction, credential));
  return {};
}

}  // namespace

Result<> Bootstrap(store::Database& database, const Secret& token) {
  const Credential credential{http::TokenKey(token.Reveal()), TenantId("default"), kBootstrapName,
                              Role::kPlatformAdmin, std::nullopt};
  return database.Run(credential.tenant, [&](store::Transaction& transaction) {
    return PutBootstrapToken(transaction, credential);
  });
}

Result<> CreateAllTopics(store::Database& database, messaging::Admin& kafka) {
  std::vector<messaging::TopicSpec> topics = messaging::PlatformTopics();
  OR_ASSIGN(const auto tenants, AllTenants(database));
  for (const TenantId& tenant : tenants) {
    std::ranges::move(messaging::TenantTopics(tenant.str()), std::back_inserter(topics));
  }
  return kafka.CreateTopics(topics, kTopicDeadline);
}

Preparation::Preparation(Parts parts)
    : parts_(std::move(parts)), thread_([this](std::stop_token stop) { Run(std::move(stop)); }) {}

Preparation::~Preparation() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

Result<> Preparation::Done() const {
  const std::lock_guard lock(mutex_);
  return outcome_;
}

void Preparation::Note(Result<> outcome) {
  const std::lock_guard lock(mutex_);
  outcome_ = std::move(outcome);
}

Result<> Preparation::Try(const std::stop_token& stop) {
  if (!stored_) {
    OR_RETURN_IF_ERROR(store::Migrate(parts_.postgres_uri, kMigrateDeadline, stop));
    if (!parts_.bootstrap_token.Reveal().empty()) {
      OR_RETURN_IF_ERROR(Bootstrap(parts_.database, parts_.bootstrap_token));
    }
    stored_ = true;
    parts_.when_stored();
  }
  return CreateAllTopics(parts_.database, parts_.kafka);
}

void Preparation::Run(std::stop_token stop) {
  const RetrySchedule schedule{.first = Millis{100}, .max = Millis{2'000}, .tries = 0};
  std::mutex mutex;
  std::condition_variable_any woken;
  for (int tried = 1; !stop.stop_requested(); ++tried) {
    auto outcome = Try(stop);
    const bool done = outcome.ok();
    if (!done)
      LogWarning("not ready yet", {
                                      {"tried", tried},
                                      outcome.error()
      });
    Note(std::move(outcome));
    if (done) return;
    std::unique_lock lock(mutex);
    woken.wait_for(lock, stop, schedule.Delay(std::min(tried + 1, 20), RandomUnit()),
                   [] { return false; });
  }
}

}  // namespace outrigger::model_api
