// SPDX-License-Identifier: Apache-2.0
// edge_runtime: a ready-made model: scores every row of every asset by what it has learned of it.
#include <unistd.h>

#include <cstdlib>

#include "edge_runtime/config.h"
#include "edge_runtime/routes.h"
#include "edge_runtime/score_handler.h"
#include "edge_runtime/state_keeper.h"
#include "outrigger/base/log.h"
#include "outrigger/base/stop.h"

namespace outrigger::edge_runtime {
namespace {

constexpr Millis kDrain{1'500};

int Main(int argc, char** argv) {
  BlockStopSignals();
  const auto line = WithEnvironment(argc, argv, ::environ);
  std::vector<const char*> arguments;
  for (const std::string& argument : line) arguments.push_back(argument.c_str());
  const Config config =
      LoadConfigOrExit("edge_runtime", "a ready-made model that learns what is usual", Settings(),
                       static_cast<int>(arguments.size()), arguments.data());
  Metrics metrics;

  inference::AnomalyDetector detector(DetectorOptionsFrom(config));
  const StateKeeper keeper(detector, config.Text("state_file"),
                           config.Duration("snapshot_interval"));
  ScoreHandler handler(detector, OutputColumnsFrom(config), metrics);
  const auto server =
      http::Server::Start(ServerOptionsFrom(config), RoutesOf(handler, metrics), &metrics);
  if (!server) {
    LogError("cannot listen", {server.error()});
    return 2;
  }
  LogInfo("listening", {
                           {"url", (*server)->url()}
  });

  const int signal = WaitForStopSignal();
  LogInfo("stopping", {
                          {"signal", signal}
  });
  (*server)->Stop(kDrain);
  return 0;
}

}  // namespace
}  // namespace outrigger::edge_runtime

int main(int argc, char** argv) { return outrigger::edge_runtime::Main(argc, argv); }
