// SPDX-License-Identifier: Apache-2.0
// What main() needs to turn settings into parts. A part that cannot start ends the program with
// exit code 2 and a hint.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "outrigger/base/config.h"
#include "outrigger/base/metrics.h"
#include "outrigger/http/admin.h"
#include "outrigger/http/server.h"
#include "outrigger/store/database.h"

namespace outrigger::model_api {

template <typename T>
T OrExit(Result<T> result) {
  if (result) return *std::move(result);
  std::fprintf(stderr, "model_api: %s\nhint: %s\n", result.error().message().c_str(),
               result.error().hint().c_str());
  std::exit(2);
}

std::unique_ptr<store::Database> OpenPool(const Config& config, store::Access access, int size);

std::unique_ptr<http::AdminServer> StartAdmin(const Config& config, Metrics& metrics,
                                              std::vector<http::ReadyCheck> checks);
std::unique_ptr<http::Server> StartRest(const Config& config, Metrics& metrics,
                                        http::Router router);

}  // namespace outrigger::model_api
