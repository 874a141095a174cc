// SPDX-License-Identifier: Apache-2.0
#include "edge_runtime/config.h"

#include <algorithm>
#include <cctype>
#include <string_view>

#include "outrigger/base/text.h"

namespace outrigger::edge_runtime {
namespace {

using enum SettingKind;

constexpr std::size_t kMaxRequest = 16 << 20;  // contract: a score request is never larger

constexpr Setting kSettings[] = {
    {"port",                   kInteger, "8080",           "Port to listen on.",                            false, 0,   65'535     },
    {"bind_address",           kText,    "127.0.0.1",      "Address to listen on; 0.0.0.0 in a container.", false, 0,
     0                                                                                                                             },
    {"score_column",           kText,    "anomalyScore",
     "Output columns that get the score, with commas between; may be empty.",                               false, 0,   0          },
    {"level_column",           kText,    "warningLevel",
     "Output columns that get the warning level, with commas between; may be empty.",                       false, 0,   0          },
    {"detector_warmup",        kInteger, "100",            "Rows of an asset before the first score.",      false, 64,
     1'000'000                                                                                                                     },
    {"detector_memory",        kInteger, "8192",
     "Samples of an input that count; older ones are forgotten.",                                           false, 256, 100'000'000},
    {"detector_patience",      kInteger, "512",
     "Samples after which an unusual value that lasts is the new normal.",                                  false, 16,  10'000'000 },
    {"detector_warning",       kNumber,  "0.5",
     "Score from which on it is WARNING: 0.1 for each decade of the return period in samples.",             false, 0.2, 1          },
    {"detector_critical",      kNumber,  "0.7",            "Score from which on it is CRITICAL.",           false, 0.2, 1          },
    {"detector_fall",          kNumber,  "0.1",            "A level ends this much below its bound …",      false, 0,   0.5        },
    {"detector_hold",          kInteger, "16",             "… for so many rows.",                           false, 1,   100'000    },
    {"detector_stuck_samples", kInteger, "12",
     "A run of equal values is unusual from this length, if it is four times the longest known.",           false, 3,   10'000'000 },
    {"detector_max_assets",    kInteger, "20000",
     "Assets to remember; beyond it the one not heard of for longest is forgotten.",                        false, 1,
     10'000'000                                                                                                                    },
    {"state_file",             kText,    "detector.state",
     "Where what was learned is kept over a restart; empty: nowhere.",                                      false, 0,   0          },
    {"snapshot_interval",      kMillis,  "5000",           "At most so often is it written.",               false, 100,
     86'400'000                                                                                                                    },
};

std::vector<std::string> ListOf(std::string_view text) {
  std::vector<std::string> list;
  for (const std::string_view part : Split(text, ','))
    if (!part.empty()) list.emplace_back(part);
  return list;
}

}  // namespace

std::span<const Setting> Settings() { return kSettings; }

std::vector<std::string> WithEnvironment(int argc, const char* const* argv,
                                         const char* const* environment) {
  std::vector<std::string> line;
  if (argc > 0) line.emplace_back(argv[0]);
  for (const char* const* entry = environment; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view variable(*entry);
    const auto equals = variable.find('=');
    if (equals == std::string_view::npos) continue;
    std::string key(variable.substr(0, equals));
    if (std::ranges::any_of(key, [](unsigned char c) { return std::islower(c) != 0; })) continue;
    std::ranges::transform(key, key.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (std::ranges::contains(kSettings, key, &Setting::key))
      line.push_back("--" + key + "=" + std::string(variable.substr(equals + 1)));
  }
  for (int i = 1; i < argc; ++i) line.emplace_back(argv[i]);
  return line;
}

inference::DetectorOptions DetectorOptionsFrom(const Config& config) {
  inference::DetectorOptions options;
  options.series.warmup = config.Integer("detector_warmup");
  options.series.memory = config.Integer("detector_memory");
  options.series.patience = config.Integer("detector_patience");
  options.series.stuck_samples = config.Integer("detector_stuck_samples");
  options.warning = config.Number("detector_warning");
  options.critical = std::max(options.warning, config.Number("detector_critical"));
  options.fall = config.Number("detector_fall");
  options.hold = static_cast<int>(config.Integer("detector_hold"));
  options.max_assets = static_cast<std::size_t>(config.Integer("detector_max_assets"));
  return options;
}

http::ServerOptions ServerOptionsFrom(const Config& config) {
  http::ServerOptions options;
  options.address = config.Text("bind_address");
  options.port = static_cast<std::uint16_t>(config.Integer("port"));
  options.body_bytes = kMaxRequest;
  return options;
}

OutputColumns OutputColumnsFrom(const Config& config) {
  return {.score = ListOf(config.Text("score_column")),
          .level = ListOf(config.Text("level_column"))};
}

}  // namespace outrigger::edge_runtime
