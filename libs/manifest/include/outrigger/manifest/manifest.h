// SPDX-License-Identifier: Apache-2.0
// The manifest: what a model needs, reads and says, as values with every default filled in, so that
// nobody else has to look into the document.
//
// Threads:  pure functions and plain values.
// See also: docs/formats/manifest.md, manifests/schema/manifest.schema.json, manifests/examples
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "outrigger/base/secret.h"
#include "outrigger/manifest/fault.h"

namespace outrigger::manifest {

// What stands where a secret was: shown instead of it, and, sent in, "leave it as it is".
inline constexpr std::string_view kMask = "********";

enum class Format { kJson, kYaml };
enum class ModelType { kHttp, kAmqp, kKserveV2 };
enum class Hosted { kInternal, kExternal };
enum class TriggerType { kRealTime, kTimeWindow };
enum class Alignment { kLatest, kExact, kUnion };
enum class Packing { kPerColumn, kMatrix };

// The words of the wire: "http", "internal", "REAL_TIME", "latest", "per-column" …
std::string_view Name(ModelType value);
std::string_view Name(Hosted value);
std::string_view Name(TriggerType value);
std::string_view Name(Alignment value);
std::string_view Name(Packing value);

// Either a stored registry (`name`), or one that is stored under the model's name.
struct CustomRegistry {
  std::string name;
  std::string registry;
  std::string username;  // empty: none
};

struct Container {
  std::string image;
  std::string tag = "latest";
  std::string digest;  // "sha256:…" or empty
  std::optional<CustomRegistry> custom_registry;
};

struct HealthRule {
  std::chrono::milliseconds interval{5000};
  std::chrono::milliseconds timeout{2000};
  int failures = 3;
  std::chrono::milliseconds start_timeout{30000};
  int tries = 3;
  std::chrono::milliseconds quiet{60000};
};

struct RetryRule {
  int tries = 5;
  std::chrono::milliseconds max_backoff{10000};
};

struct Resources {
  std::optional<std::int64_t> cpu_millis;
  std::optional<std::int64_t> memory_bytes;
};

struct Artifact {
  std::string uri;
  std::string sha256;     // 64 lower-case hex digits or empty
  std::string signature;  // base64 or empty
};

struct V2Rule {
  Packing packing = Packing::kPerColumn;
  std::string tensor = "input";  // of kMatrix
};

struct ModelSpec {
  ModelType type = ModelType::kHttp;
  std::string score_endpoint;         // http, kserve-v2: a path; amqp: a queue
  std::string health_check_endpoint;  // a path
  Hosted hosted = Hosted::kInternal;
  std::optional<Container> container;
  std::string external_url;  // without a trailing '/'; empty: none
  int port = 8080;
  std::chrono::milliseconds timeout{30000};
  std::optional<std::chrono::milliseconds> async_deadline;  // set: the model may answer 202
  std::string asset_events_endpoint;                        // empty: none
  HealthRule health;
  bool stateful = true;
  RetryRule retry;
  int replicas = 1;
  Resources resources;
  std::map<std::string, std::string> env;
  std::optional<Artifact> artifact;
  V2Rule v2;
};

struct Trigger {
  TriggerType type = TriggerType::kRealTime;
  std::chrono::milliseconds frequency{0};         // 0 with REAL_TIME when not given
  std::chrono::milliseconds time_window_size{0};  // the same
  std::chrono::milliseconds allowed_lateness{0};
  Alignment alignment = Alignment::kLatest;
  bool backfill = true;
};

struct Column {
  std::string name;
  bool read_as_string = false;
  std::string unit;  // UCUM; empty: as the telemetry has it
};

struct Manifest {
  std::string name;  // empty: to be made from the image, see DefaultName()
  std::string version = "1";
  std::string description;
  ModelSpec model;
  Trigger trigger;
  std::vector<Column> inputs;
  std::vector<Column> outputs;
  std::shared_ptr<const nlohmann::json> provenance;  // null: none; shared: never changed

  const Column* FindInput(std::string_view column) const;
  const Column* FindOutput(std::string_view column) const;
};

struct ParseOutcome {
  std::optional<Manifest> manifest;  // none when there is a fault
  std::vector<Fault> faults;         // all of them, in the order of the document's fields
  std::vector<Warning> warnings;

  // The document as submitted and as shown: without wrapper, whole numbers as integers, the
  // password as kMask. Null when there is a fault. Shared: never changed.
  std::shared_ptr<const nlohmann::json> document;
  // The password of customRegistry; none when there is none or it was kMask (keep_password).
  std::optional<Secret> password;
  bool keep_password = false;
};

// Parses a manifest in any of its forms. A fault is a value of the outcome, never an error.
ParseOutcome ParseManifest(std::string_view body, Format format);

// The same of a document that was parsed before (as stored, or as carried by a library entry).
ParseOutcome ParseManifest(const nlohmann::json& document);

// The manifest whole: every default filled in, no secret. What companions get.
nlohmann::json ToJson(const Manifest& manifest);

// An RFC 1123 label made from the image's last path part (else from the external host), short
// enough that a suffix of `room` characters still fits.
std::string DefaultName(const Manifest& manifest, std::size_t room = 8);

// What of a good manifest this build cannot run: asked at deploy only, code "unsupported".
std::vector<Fault> Unsupported(const Manifest& manifest);

}  // namespace outrigger::manifest
