// SPDX-License-Identifier: Apache-2.0
// The settings of model_api.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "outrigger/base/config.h"

namespace outrigger::model_api {

inline constexpr std::string_view kService = "model_api";
inline constexpr std::string_view kPurpose =
    "the Model Management API: registries, assets, manifests, mappings, lifecycle";

std::span<const Setting> Settings();

// The folders of a list separated by colons, without empty ones.
std::vector<std::string> Folders(const std::string& list);

}  // namespace outrigger::model_api
