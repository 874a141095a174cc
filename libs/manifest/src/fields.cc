// SPDX-License-Identifier: Apache-2.0
#include "fields.h"

#include "grammar.h"

namespace outrigger::manifest {
namespace {

using enum Kind;

constexpr std::string_view kModelTypes[] = {"http", "amqp", "kserve-v2"};
constexpr std::string_view kHosting[] = {"internal", "external"};
constexpr std::string_view kTriggers[] = {"REAL_TIME", "TIME_WINDOW"};
constexpr std::string_view kAlignments[] = {"latest", "exact", "union"};
constexpr std::string_view kPackings[] = {"per-column", "matrix"};

// clang-format off
constexpr Field kRegistryFields[] = {
    {.name = "name", .default_text = "none", .help = "a stored registry, in place of the other three",
     .grammar = StoredName},
    {.name = "registry", .default_text = "none", .help = "host and port; required without name",
     .grammar = RegistryText},
    {.name = "username", .default_text = "none", .help = "together with password",
     .min = 1, .max = 256, .grammar = LineText},
    {.name = "password", .default_text = "none", .help = "sealed, shown as ********; ******** in a PUT keeps the stored one",
     .min = 1, .max = 4096, .grammar = LineText, .secret = true},
};
constexpr Shape kRegistry{"customRegistry", kRegistryFields};

constexpr Field kContainerFields[] = {
    {.name = "image", .default_text = "required", .help = "OCI repository name, with or without registry host",
     .grammar = ImageText},
    {.name = "tag", .default_text = "latest", .help = "resolved to a digest at deploy; latest is warned about",
     .grammar = TagText},
    {.name = "digest", .default_text = "none", .help = "sha256:… or sha512:…; wins over the tag",
     .grammar = DigestText},
    {.name = "customRegistry", .kind = kObject, .default_text = "none", .help = "where the image comes from",
     .shape = &kRegistry},
};
constexpr Shape kContainer{"the container", kContainerFields};

constexpr Field kAsyncFields[] = {
    {.name = "deadline", .kind = kMillis, .default_text = "86400000", .help = "the model answers 202 and calls back within it",
     .min = 1, .max = kDayMs},
};
constexpr Shape kAsync{"async", kAsyncFields};

constexpr Field kHealthFields[] = {
    {.name = "interval", .kind = kMillis, .default_text = "5000", .help = "between two polls", .min = 1, .max = kLongestMs},
    {.name = "timeout", .kind = kMillis, .default_text = "2000", .help = "of one poll", .min = 1, .max = kLongestMs},
    {.name = "failures", .kind = kCount, .default_text = "3", .help = "in a row that make a model unwell", .min = 1, .max = 1000},
    {.name = "startTimeout", .kind = kMillis, .default_text = "30000", .help = "until a started container must be healthy",
     .min = 1, .max = kLongestMs},
    {.name = "tries", .kind = kCount, .default_text = "3", .help = "restarts before the model is withdrawn", .min = 1, .max = 1000},
    {.name = "quiet", .kind = kMillis, .default_text = "60000", .help = "unbroken health after which tries are forgotten",
     .min = 1, .max = kLongestMs},
};
constexpr Shape kHealth{"health", kHealthFields};

constexpr Field kRetryFields[] = {
    {.name = "tries", .kind = kCount, .default_text = "5", .help = "of one request, the first included", .min = 1, .max = 1000},
    {.name = "maxBackoff", .kind = kMillis, .default_text = "10000", .help = "longest wait between two tries",
     .min = 1, .max = kLongestMs},
};
constexpr Shape kRetry{"retry", kRetryFields};

constexpr Field kResourceFields[] = {
    {.name = "cpu", .default_text = "none", .help = "cores, or thousandths with m", .grammar = CpuText},
    {.name = "memory", .default_text = "none", .help = "bytes, with Ki Mi Gi Ti or k M G T", .grammar = MemoryText},
};
constexpr Shape kResources{"resources", kResourceFields};

constexpr Field kArtifactFields[] = {
    {.name = "uri", .default_text = "required", .help = "of the model file that edge_runtime runs", .grammar = UriText},
    {.name = "sha256", .default_text = "none", .help = "64 lower-case hex digits", .grammar = Sha256Text},
    {.name = "signature", .default_text = "none", .help = "base64", .grammar = Base64Text},
};
constexpr Shape kArtifact{"artifact", kArtifactFields};

constexpr Field kV2Fields[] = {
    {.name = "packing", .kind = kChoice, .default_text = "per-column", .help = "one tensor an input, or one FP64 matrix rows × inputs",
     .choices = kPackings},
    {.name = "tensor", .default_text = "input", .help = "name of the matrix", .min = 1, .max = 128, .grammar = LineText},
};
constexpr Shape kV2{"v2", kV2Fields};

constexpr Field kModelFields[] = {
    {.name = "type", .kind = kChoice, .default_text = "required", .help = "protocol of the score call", .choices = kModelTypes},
    {.name = "scoreEndpoint", .default_text = "required", .help = "http: a path; amqp: a queue; kserve-v2: /v2/models/NAME/infer"},
    {.name = "healthCheckEndpoint", .default_text = "none", .help = "a path, any 2xx is healthy; required, but kserve-v2 has /v2/health/ready",
     .grammar = PathText},
    {.name = "hosted", .kind = kChoice, .default_text = "required", .help = "who runs the model", .choices = kHosting},
    {.name = "container", .kind = kObject, .default_text = "none", .help = "required for internal; with external it is the proxy",
     .shape = &kContainer},
    {.name = "externalUrl", .default_text = "none", .help = "base URL; required for external without container", .grammar = HttpUrlText},
    {.name = "port", .kind = kCount, .default_text = "8080", .help = "the container listens on; the process engine gives one of its own as PORT",
     .min = 1, .max = 65535},
    {.name = "timeout", .kind = kMillis, .default_text = "30000", .help = "of one score call", .min = 1, .max = kLongestMs},
    {.name = "async", .kind = kObject, .default_text = "none", .help = "the model may answer 202; http only", .shape = &kAsync},
    {.name = "assetEventsEndpoint", .default_text = "none", .help = "path that gets membership changes", .grammar = PathText},
    {.name = "health", .kind = kObject, .default_text = "its defaults", .help = "when a model is unwell", .shape = &kHealth},
    {.name = "stateful", .kind = kFlag, .default_text = "true for REAL_TIME, false for TIME_WINDOW",
     .help = "rows of one asset go to one replica, in order"},
    {.name = "retry", .kind = kObject, .default_text = "its defaults", .help = "of a score call that failed", .shape = &kRetry},
    {.name = "replicas", .kind = kCount, .default_text = "1", .help = "containers and feed partitions", .min = 1, .max = 64},
    {.name = "resources", .kind = kObject, .default_text = "none", .help = "limits, capped by the tenant's quota", .shape = &kResources},
    {.name = "env", .kind = kTextMap, .default_text = "{}", .help = "of the container; PATH, PORT, AMQP_URL, LD_* and OUTRIGGER_* are refused",
     .max = 256, .grammar = EnvironmentName},
    {.name = "artifact", .kind = kObject, .default_text = "none", .help = "the model file that edge_runtime runs", .shape = &kArtifact},
    {.name = "v2", .kind = kObject, .default_text = "its defaults", .help = "how kserve-v2 packs rows", .shape = &kV2},
};
constexpr Shape kModel{"the model", kModelFields};

constexpr Field kTriggerFields[] = {
    {.name = "type", .kind = kChoice, .default_text = "required", .help = "score each row, or windows of event time", .choices = kTriggers},
    {.name = "frequency", .kind = kMillis, .default_text = "none", .help = "a window closes every so often; required for TIME_WINDOW",
     .min = 100, .max = kLongestMs},
    {.name = "timeWindowSize", .kind = kMillis, .default_text = "none", .help = "span of a window, at most 10,000 × frequency; required for TIME_WINDOW",
     .min = 1, .max = kMonthMs},
    {.name = "allowedLateness", .kind = kMillis, .default_text = "0", .help = "a window waits for late samples", .min = 0, .max = kLongestMs},
    {.name = "alignment", .kind = kChoice, .default_text = "latest for REAL_TIME, union for TIME_WINDOW", .help = "how several inputs make a row",
     .choices = kAlignments},
    {.name = "backfill", .kind = kFlag, .default_text = "true", .help = "TIME_WINDOW: fill the first window from history"},
};
constexpr Shape kTrigger{"the trigger", kTriggerFields};

constexpr Field kColumnFields[] = {
    {.name = "dataColumnName", .default_text = "required", .help = "unique in its list", .min = 1, .max = 128, .grammar = LineText},
    {.name = "readAsString", .kind = kFlag, .default_text = "false", .help = "values are texts"},
    {.name = "unit", .default_text = "the telemetry's", .help = "UCUM; values are converted", .grammar = UnitText, .suggest = UnitSuggestion},
};
constexpr Shape kInput{"an input", kColumnFields};
constexpr Shape kOutput{"an output", kColumnFields};

constexpr Field kManifestFields[] = {
    {.name = "name", .default_text = "made from the image", .help = "RFC 1123 label, unique in the tenant", .grammar = LabelText},
    {.name = "version", .default_text = "1", .help = "free text", .min = 1, .max = 64, .grammar = LineText},
    {.name = "description", .default_text = "empty", .help = "for people"},
    {.name = "model", .kind = kObject, .default_text = "required", .help = "what is called, and how", .shape = &kModel},
    {.name = "trigger", .kind = kObject, .default_text = "required", .help = "when it is called", .shape = &kTrigger},
    {.name = "inputs", .kind = kList, .default_text = "required", .help = "columns that the model reads", .min = 1, .max = 256, .shape = &kInput},
    {.name = "outputs", .kind = kList, .default_text = "required", .help = "columns that the model says", .min = 1, .max = 256, .shape = &kOutput},
    {.name = "provenance", .kind = kAnyObject, .default_text = "none", .help = "where the model comes from; stored and shown"},
};
constexpr Shape kManifest{"the manifest", kManifestFields};
// clang-format on

}  // namespace

const Shape& ManifestShape() { return kManifest; }

}  // namespace outrigger::manifest
