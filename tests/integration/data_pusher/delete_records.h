// SPDX-License-Identifier: Apache-2.0
// DeleteRecords: makes Kafka forget, as its retention does in a week.
#pragma once

#include <string>

namespace outrigger::testing {

// Deletes all records of a topic; its offsets go on from where they are.
bool DeleteRecords(const std::string& brokers, const std::string& topic, int partitions);

}  // namespace outrigger::testing
