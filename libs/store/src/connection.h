// SPDX-License-Identifier: Apache-2.0
// Connection: how this library opens a PostgreSQL connection and names its failures, so that
// libpqxx and its exceptions stay behind this folder.
#pragma once

#include <memory>
#include <pqxx/pqxx>
#include <string>

#include "outrigger/base/result.h"
#include "outrigger/store/database.h"

namespace outrigger::store {

// `uri` with the time-outs of `options`, which its own parameters would not have.
std::string ConnectionString(const DatabaseOptions& options);

struct Failure {
  Error error;
  bool connection_gone = false;  // discard the connection
};

// Names the exception that is being handled. Requires: inside a catch block.
Failure CurrentFailure();

// Runs `body`, turning exceptions into a Failure.
template <typename Body>
auto Guarded(Body body, bool& connection_gone) -> Result<decltype(body())> {
  try {
    if constexpr (std::is_void_v<decltype(body())>) {
      body();
      return {};
    } else {
      return body();
    }
  } catch (...) {
    Failure failure = CurrentFailure();
    connection_gone = connection_gone || failure.connection_gone;
    return std::move(failure.error);
  }
}

}  // namespace outrigger::store
