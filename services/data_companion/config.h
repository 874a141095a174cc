// SPDX-License-Identifier: Apache-2.0
// Settings of data_companion.
#pragma once

#include <array>

#include "outrigger/base/config.h"

namespace outrigger::companion {

inline constexpr std::array kSettings{
    Setting{"listen_address", SettingKind::kText, "127.0.0.1", "address of the admin port"},
    Setting{"admin_port", SettingKind::kInteger, "0",
            "port of /livez, /readyz and /metrics; 0: a free one", false, 0, 65'535},
    Setting{"kafka_brokers", SettingKind::kText, "", "host:port of Kafka, comma-separated", true},
    Setting{"slot", SettingKind::kText, "slot-0",
            "name of this host's place among the hosts that share deployments: each another one"},
    Setting{"egress_allow_loopback", SettingKind::kBoolean, "false",
            "models may be reached on the loopback interface"},
    Setting{"egress_allow_private", SettingKind::kBoolean, "false",
            "models may be reached in private networks"},
};

}  // namespace outrigger::companion
