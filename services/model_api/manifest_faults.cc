// SPDX-License-Identifier: Apache-2.0
#include "model_api/manifest_faults.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "outrigger/base/json.h"

namespace outrigger::model_api {

bool IsTextFault(std::string_view code) { return code == "syntax" || code == "encoding"; }

Faults ToFaults(std::span<const manifest::Fault> faults) {
  Faults told;
  told.reserve(faults.size());
  for (const manifest::Fault& fault : faults) {
    told.push_back({fault.pointer, fault.code, fault.detail});
  }
  return told;
}

http::Problem RefuseFaults(std::span<const manifest::Fault> faults) {
  const auto has = [&](auto test) {
    return std::ranges::any_of(faults, test, &manifest::Fault::code);
  };
  if (has([](const std::string& code) { return code == "too-large"; })) {
    return TooLarge("the document is too large");
  }
  if (has(IsTextFault)) return Malformed(ToFaults(faults));
  return Invalid(ToFaults(faults));
}

std::string WarningsText(std::span<const manifest::Warning> warnings) {
  nlohmann::json list = nlohmann::json::array();
  for (const manifest::Warning& warning : warnings) {
    list.push_back({
        {"pointer", warning.pointer},
        {"code",    warning.code   },
        {"detail",  warning.detail }
    });
  }
  return Dump(list);
}

}  // namespace outrigger::model_api
