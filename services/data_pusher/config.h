// SPDX-License-Identifier: Apache-2.0
// Settings of data_pusher, each with its default, unit, bounds and help.
#pragma once

#include <span>

#include "data_pusher/archive_loop.h"
#include "data_pusher/retention_loop.h"
#include "data_pusher/router.h"
#include "data_pusher/telemetry_streams.h"
#include "outrigger/base/config.h"
#include "outrigger/http/server.h"
#include "outrigger/store/database.h"

namespace outrigger::data_pusher {

std::span<const Setting> Settings();
store::DatabaseOptions DatabaseOf(const Config& config, store::Access access, int connections);
http::ServerOptions ListenOf(const Config& config);
RouterOptions RoutingOf(const Config& config, const messaging::KafkaOptions& kafka);
ArchiveOptions TelemetryArchiveOf(const Config& config, const messaging::KafkaOptions& kafka);
ArchiveOptions TablesArchiveOf(const Config& config, const messaging::KafkaOptions& kafka);
RetentionPace PaceOf(const Config& config);
TelemetryStreams::Options StreamsOf(const Config& config, const messaging::KafkaOptions& kafka);

}  // namespace outrigger::data_pusher
