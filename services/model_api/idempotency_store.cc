// SPDX-License-Identifier: Apache-2.0
#include "model_api/idempotency_store.h"

namespace outrigger::model_api {

Result<bool> TryLockKey(store::Transaction& transaction, const TenantId& tenant,
                        const std::string& key) {
  OR_ASSIGN(const store::Rows rows,
            transaction.Query("SELECT pg_try_advisory_xact_lock(hashtextextended("
                              "'outrigger/idempotency/' || $1 || '/' || $2, 0))",
                              {tenant, key}));
  return rows.at(0).Bool(0);
}

Result<std::optional<KeptAnswer>> FindKept(store::Transaction& transaction, const std::string& key,
                                           std::chrono::milliseconds age) {
  OR_ASSIGN(
      const store::Rows rows,
      transaction.Query("SELECT route, body_hash, status, response::text FROM idempotency_key "
                        "WHERE key = $1 AND status IS NOT NULL "
                        "AND created_at > clock_timestamp() - $2 * interval '1 millisecond'",
                        {key, std::int64_t{age.count()}}));
  if (rows.empty()) return std::optional<KeptAnswer>();
  return std::optional<KeptAnswer>(KeptAnswer{rows[0].Text(0), rows[0].Text(1),
                                              static_cast<int>(rows[0].Int(2)), rows[0].Text(3)});
}

Result<> Keep(store::Transaction& transaction, const TenantId& tenant, const std::string& key,
              const KeptAnswer& answer) {
  // A row that is there already is too old to count.
  OR_RETURN_IF_ERROR(transaction.Execute(
      "INSERT INTO idempotency_key (tenant, key, route, body_hash, status, response) "
      "VALUES ($1, $2, $3, $4, $5, $6::json) ON CONFLICT (tenant, key) DO UPDATE SET "
      "route = EXCLUDED.route, body_hash = EXCLUDED.body_hash, status = EXCLUDED.status, "
      "response = EXCLUDED.response, created_at = clock_timestamp()",
      {tenant, key, answer.route, answer.body_hash, answer.status, answer.response}));
  return {};
}

Result<> ForgetKept(store::Transaction& transaction, std::chrono::milliseconds age) {
  OR_RETURN_IF_ERROR(
      transaction.Execute("DELETE FROM idempotency_key "
                          "WHERE created_at < clock_timestamp() - $1 * interval '1 millisecond'",
                          {std::int64_t{age.count()}}));
  return {};
}

}  // namespace outrigger::model_api
