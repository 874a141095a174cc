// SPDX-License-Identifier: Apache-2.0
// data_companion: the companions of all models of this host.
#include <unistd.h>

#include "data_companion/config.h"
#include "data_companion/host.h"
#include "outrigger/base/log.h"
#include "outrigger/base/stop.h"
#include "outrigger/http/admin.h"

namespace {

using namespace outrigger;

constexpr int kFencedExit = 4;
constexpr int kBadSettingsExit = 2;
constexpr Millis kStopLimit{8'000};  // below the watchdog's 10 s

companion::HostOptions OptionsFrom(const Config& config) {
  companion::HostOptions options;
  options.brokers = config.Text("kafka_brokers");
  options.slot = config.Text("slot");
  options.egress.allow_loopback = config.Boolean("egress_allow_loopback");
  options.egress.allow_private = config.Boolean("egress_allow_private");
  return options;
}

[[noreturn]] void EndFenced() {
  LogError("another process runs what this host held");
  _exit(kFencedExit);  // at once: nothing of ours can be committed any more
}

}  // namespace

int main(int argc, char** argv) {
  const Config config = LoadConfigOrExit("data_companion", "feeds models, records what they say",
                                         companion::kSettings, argc, argv);
  BlockStopSignals();
  Metrics metrics;
  companion::Host host(OptionsFrom(config), SystemClock(), metrics, EndFenced);
  auto admin = http::AdminServer::Start(config.Text("listen_address"),
                                        static_cast<std::uint16_t>(config.Integer("admin_port")),
                                        metrics, host.ready_checks());
  if (!admin) {
    LogError("admin port", {admin.error()});
    return kBadSettingsExit;
  }
  host.Start();
  LogInfo("running", {
                         {"admin_port", (*admin)->port()}
  });

  WaitForStopSignal();
  host.Stop(kStopLimit);
  LogInfo("stopped");
  // What is left is abandoned: taking clients down could wait for a Kafka that is gone, and the
  // next start goes on from the journal as after any end.
  _exit(0);
}
