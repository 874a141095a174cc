// SPDX-License-Identifier: Apache-2.0
// The group membership of a consumer, so that offsets can travel in a producer's transaction.
#pragma once

#include "rdkafka_client.h"

namespace outrigger::messaging {

// Null when the consumer is in no group. The caller destroys it.
rd_kafka_consumer_group_metadata_t* GroupMetadataOf(Consumer& consumer);

}  // namespace outrigger::messaging
