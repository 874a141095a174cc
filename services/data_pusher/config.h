// SPDX-License-Identifier: Apache-2.0
// Settings of data_pusher, each with its default, unit, bounds and help.
#pragma once

#include <span>

#include "data_pusher/telemetry_streams.h"
#include "outrigger/base/config.h"
#include "outrigger/http/server.h"
#include "outrigger/store/database.h"

namespace outrigger::data_pusher {

std::span<const Setting> Settings();
store::DatabaseOptions DatabaseOf(const Config& config, store::Access access, int connections);
http::ServerOptions ListenOf(const Config& config);
TelemetryStreams::Options StreamsOf(const Config& config, const messaging::KafkaOptions& kafka);

}  // namespace outrigger::data_pusher
