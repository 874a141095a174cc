// SPDX-License-Identifier: Apache-2.0
// model_api as a list of its parts, in the order of their starts; they stop in reverse.
#include "model_api/companion_board.h"
#include "model_api/config.h"
#include "model_api/deploy_check.h"
#include "model_api/feed_topics.h"
#include "model_api/front.h"
#include "model_api/idempotency.h"
#include "model_api/journal_view.h"
#include "model_api/mapped_models.h"
#include "model_api/preparation.h"
#include "model_api/pusher_view.h"
#include "model_api/relay.h"
#include "model_api/replay_store.h"
#include "model_api/route_board.h"
#include "model_api/start_up.h"
#include "model_api/supervision.h"
#include "outrigger/base/ids.h"
#include "outrigger/base/log.h"
#include "outrigger/base/stop.h"
#include "outrigger/base/text.h"
#include "outrigger/lifecycle/reconciler.h"
#include "outrigger/lifecycle/runner.h"
#include "outrigger/lifecycle/supervisor.h"
#include "outrigger/orchestrator/process_engine.h"
#include "outrigger/store/postgres_lifecycle.h"

using namespace outrigger;             // NOLINT: only here, where everything meets
using namespace outrigger::model_api;  // NOLINT

int main(int argc, char** argv) {
  BlockStopSignals();
  const Config config = LoadConfigOrExit(kService, kPurpose, Settings(), argc, argv);
  Metrics metrics;
  Clock& clock = SystemClock();
  const int rest_workers = static_cast<int>(config.Integer("rest_workers"));
  const int saga_workers = static_cast<int>(config.Integer("saga_workers"));
  const messaging::KafkaOptions kafka{config.Text("kafka_brokers"), std::string(kService)};

  // A request holds one connection of `requests` while its saga is asked for through `sagas`.
  const auto requests = OpenPool(config, store::Access::kApplication, rest_workers);
  const auto sagas = OpenPool(config, store::Access::kApplication, rest_workers + saga_workers);
  const auto worker = OpenPool(config, store::Access::kWorker, saga_workers + 8);
  const auto sealer = OrExit(store::Sealer::FromHexKey(config.Secret("key_file")));
  const auto admin_client = OrExit(messaging::Admin::Make(kafka));
  const auto engine = OrExit(orchestrator::ProcessEngine::Make(
      {.images = Folders(config.Text("images")), .models_dir = config.Text("models_dir")}));

  Relay relay(*worker, kafka, clock, metrics);
  const auto nudge = [&relay] { relay.Nudge(); };
  const auto journal = OrExit(JournalView::Start(kafka, clock));
  const auto pusher =
      OrExit(PusherView::Start(kafka, messaging::PlatformTopics().at(0).partitions));
  KafkaFeedTopics topics(*admin_client);
  KafkaRouteBoard routes({*worker, *admin_client, *pusher, *journal,
                          [](store::Transaction& transaction, const TenantId&) {
                            return std::make_unique<StoredDefinitions>(transaction);
                          },
                          nudge});
  KafkaCompanionBoard companions(*worker, *journal, nudge);

  store::PostgresLifecycle models(*sagas, *worker);
  ManifestDeployCheck check(*sagas);
  lifecycle::Runner runner({models, models, check, *engine, topics, routes, companions, clock},
                           {.owner = "model-api-" + RandomId(8), .workers = saga_workers});
  lifecycle::Lifecycle lifecycle(models, [&runner] { runner.Wake(); });
  lifecycle::Supervisor supervisor(models, lifecycle, *engine, companions, clock);
  lifecycle::Reconciler reconciler(models, lifecycle, *engine, topics, routes, clock);

  const Preparation preparation({config.Text("postgres_uri"), *requests, *admin_client,
                                 Secret(config.Secret("bootstrap_token_file")),
                                 [&runner] { runner.Start(); }});
  const Supervision supervision({.worker = *worker,
                                 .ready = [&] { return preparation.Stored(); },
                                 .supervise = [&] { return supervisor.Tick(!journal->Current()); },
                                 .settle = [&] { return SettleAllReplays(*worker, *journal); },
                                 .reconcile = [&] { return reconciler.Tick(); },
                                 .forget = [&] { return ForgetOldAnswers(*worker); },
                                 .clock = clock,
                                 .metrics = metrics,
                                 .supervise_every = config.Duration("supervise_every"),
                                 .reconcile_every = config.Duration("reconcile_every")});

  Api api{*requests,
          sealer,
          *admin_client,
          lifecycle,
          companions,
          *engine,
          clock,
          [&relay](std::int64_t id, Millis deadline) { return relay.WaitPublished(id, deadline); },
          [&preparation] { return preparation.Stored(); },
          Sha256Hex("digest salt " + config.Secret("key_file"))};
  const auto admin =
      StartAdmin(config, metrics,
                 {
                     {"preparation", [&] { return preparation.Done(); }},
                     {"relay",       [&]() -> Result<> {
                        if (relay.Healthy()) return {};
                        return Error(ErrorCode::kUnavailable, "the outbox is not being published");
                      }                  }
  });
  const auto server = StartRest(config, metrics, MakeRouter(api));

  const int signal = WaitForStopSignal();
  LogInfo("stopping", {
                          {"signal", signal}
  });
  server->Stop();
  runner.Stop();
  return 0;
}
