// SPDX-License-Identifier: Apache-2.0
// Settings of data_collector.
#pragma once

#include <span>

#include "data_collector/telemetry_handler.h"
#include "outrigger/base/config.h"
#include "outrigger/http/server.h"
#include "outrigger/messaging/kafka.h"

namespace outrigger::data_collector {

std::span<const Setting> Settings();

http::ServerOptions ServerOptionsFrom(const Config& config);
messaging::KafkaOptions KafkaOptionsFrom(const Config& config);
messaging::Producer::Options ProducerOptionsFrom(const Config& config);
TelemetryHandler::Limits LimitsFrom(const Config& config);

}  // namespace outrigger::data_collector
