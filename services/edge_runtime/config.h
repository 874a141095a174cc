// SPDX-License-Identifier: Apache-2.0
// Settings of edge_runtime: a model's settings come by `model.env` of its manifest, under short
// names (DETECTOR_WARMUP), for names that begin with OUTRIGGER_ are the platform's.
#pragma once

#include <chrono>
#include <span>
#include <string>
#include <vector>

#include "outrigger/base/config.h"
#include "outrigger/http/server.h"
#include "outrigger/inference/anomaly_detector.h"

namespace outrigger::edge_runtime {

std::span<const Setting> Settings();

// The command line with the settings of `environment` in front, so that a flag is the stronger.
std::vector<std::string> WithEnvironment(int argc, const char* const* argv,
                                         const char* const* environment);

inference::DetectorOptions DetectorOptionsFrom(const Config& config);
http::ServerOptions ServerOptionsFrom(const Config& config);

// Which output columns get the score and which the level; empty lists are allowed.
struct OutputColumns {
  std::vector<std::string> score;
  std::vector<std::string> level;
};
OutputColumns OutputColumnsFrom(const Config& config);

}  // namespace outrigger::edge_runtime
