// SPDX-License-Identifier: Apache-2.0
// Settings of data_pusher, each with its default, unit, bounds and help.
#pragma once

#include <span>

#include "outrigger/base/config.h"

namespace outrigger::data_pusher {

std::span<const Setting> Settings();

}  // namespace outrigger::data_pusher
