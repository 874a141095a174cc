// SPDX-License-Identifier: Apache-2.0
// PostgresBackend: the lifecycle's ports on a database of this program's own PostgreSQL.
#pragma once

#include <memory>

#include "lifecycle_bench.h"
#include "outrigger/store/database.h"
#include "outrigger/store/postgres_lifecycle.h"
#include "postgres_fixture.h"

namespace outrigger::testing {

class PostgresBackend final : public LifecycleBackend {
 public:
  PostgresBackend() : uri_(PostgresServer::Shared().MigratedDatabase()) {
    app_ = Open(store::Access::kApplication);
    worker_ = Open(store::Access::kWorker);
    postgres_ = std::make_unique<store::PostgresLifecycle>(*app_, *worker_);
  }
  lifecycle::ModelStore& store() override { return *postgres_; }
  lifecycle::ModelWatch& watch() override { return *postgres_; }
  lifecycle::SagaJournal& journal() override { return *postgres_; }
  lifecycle::DeploymentRecords& records() override { return *postgres_; }
  store::Database& app() { return *app_; }
  store::Database& worker() { return *worker_; }

  void Submit(const TenantId& tenant, const ModelName& model) override {
    auto made = app_->Run(tenant, [&](store::Transaction& t) -> Result<> {
      for (const char* sql : {"INSERT INTO tenant (id) VALUES ($1) ON CONFLICT DO NOTHING",
                              "INSERT INTO asset_type (tenant, id, name) VALUES ($1, 'arm', 'arm') "
                              "ON CONFLICT DO NOTHING",
                              "INSERT INTO asset (tenant, id, name, type) SELECT $1, 'x' || n, '', "
                              "'arm' FROM generate_series(1, 3) n "
                              "ON CONFLICT DO NOTHING"})
        OR_RETURN_IF_ERROR(t.Execute(sql, {tenant}));
      OR_RETURN_IF_ERROR(t.Execute(
          "INSERT INTO model (tenant, name, version, manifest) VALUES ($1, $2, '1', '{}')",
          {tenant, model}));
      OR_RETURN_IF_ERROR(
          t.Execute("INSERT INTO asset_type_mapping (tenant, model, direction, column_name, "
                    "asset_type, telemetry) "
                    "VALUES ($1, $2, 'input', 't', 'arm', 'T')",
                    {tenant, model}));
      OR_RETURN_IF_ERROR(store::RecordStateChange(t, tenant, model,
                                                  {.seq = 0,
                                                   .from = {},
                                                   .to = lifecycle::State::kDraft,
                                                   .reason = "Submitted",
                                                   .message = {},
                                                   .actor = "test",
                                                   .operation = {},
                                                   .time = 0}));
      return {};
    });
    OR_CHECK(made.ok(), made.ok() ? "" : made.error().ToString());
  }
  int Exploded(const TenantId& tenant, const ModelName& model) override {
    auto rows = app_->Run(tenant, [&](store::Transaction& t) {
      return t.Query("SELECT count(*) FROM model_mapping WHERE model = $1 AND exploded", {model});
    });
    return rows ? static_cast<int>(rows->at(0).Int(0)) : -1;
  }

 private:
  std::unique_ptr<store::Database> Open(store::Access access) const {
    store::DatabaseOptions options;
    options.uri = uri_;
    options.access = access;
    return store::Database::Open(options);
  }

  std::string uri_;
  std::unique_ptr<store::Database> app_;
  std::unique_ptr<store::Database> worker_;
  std::unique_ptr<store::PostgresLifecycle> postgres_;
};

}  // namespace outrigger::testing
