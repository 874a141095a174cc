// SPDX-License-Identifier: Apache-2.0
#include "model_api/route_table.h"

#include <array>

#include "model_api/handlers.h"

namespace outrigger::model_api {
namespace {

constexpr QueryParameter kLimit{"limit", "integer", "items of a page: 1 to 1000, default 100"};
constexpr QueryParameter kContinue{"continue", "string", "the \"continue\" of the page before"};
constexpr QueryParameter kDry{"dryRun", "boolean", "true: check all, change nothing"};

constexpr std::array kPaged = {kLimit, kContinue};
constexpr std::array kPagedByType = {
    kLimit, kContinue, QueryParameter{"type", "string", "only assets of this type"}
};
constexpr std::array kPagedByState = {
    kLimit, kContinue, QueryParameter{"state", "string", "only models in this state"}
};
constexpr std::array kDryRun = {kDry};
constexpr std::array kTail = {
    QueryParameter{"tail", "integer", "lines from the end: 1 to 10000, default 100"}
};

constexpr bool kOpen = true;
constexpr bool kClosed = false;
constexpr bool kKeyed = true;
constexpr bool kPlain = false;
constexpr bool kList = true;
constexpr bool kOne = false;
constexpr std::span<const QueryParameter> kNone;

// clang-format off
constexpr ApiRoute kRoutes[] = {
    // method, pattern, open, lowest role, Idempotency-Key, summary, body, status, answer, list, query, handler
    {"POST",   "/api/v1/container-registries", kClosed, Role::kOperator, kKeyed, "Store a container registry", "ContainerRegistry", 201, "ContainerRegistry", kOne, kNone, PostRegistry},
    {"GET",    "/api/v1/container-registries", kClosed, Role::kViewer, kPlain, "List container registries", "", 200, "ContainerRegistry", kList, kPaged, ListRegistries},
    {"GET",    "/api/v1/container-registries/{name}", kClosed, Role::kViewer, kPlain, "Read a container registry", "", 200, "ContainerRegistry", kOne, kNone, GetRegistry},
    {"DELETE", "/api/v1/container-registries/{name}", kClosed, Role::kOperator, kPlain, "Remove a container registry", "", 204, "", kOne, kNone, DeleteRegistry},

    {"POST",   "/api/v1/asset-types", kClosed, Role::kOperator, kKeyed, "Make an asset type", "AssetType", 201, "AssetType", kOne, kNone, PostAssetType},
    {"GET",    "/api/v1/asset-types", kClosed, Role::kViewer, kPlain, "List asset types", "", 200, "AssetType", kList, kPaged, ListTypes},
    {"GET",    "/api/v1/asset-types/{id}", kClosed, Role::kViewer, kPlain, "Read an asset type", "", 200, "AssetType", kOne, kNone, GetAssetType},
    {"PUT",    "/api/v1/asset-types/{id}", kClosed, Role::kOperator, kPlain, "Change an asset type", "AssetType", 200, "AssetType", kOne, kNone, PutAssetType},
    {"DELETE", "/api/v1/asset-types/{id}", kClosed, Role::kOperator, kPlain, "Remove an asset type that nothing uses", "", 204, "", kOne, kNone, RemoveAssetType},

    {"POST",   "/api/v1/assets", kClosed, Role::kOperator, kKeyed, "Make assets", "Assets", 201, "AssetsCreated", kOne, kNone, PostAssets},
    {"GET",    "/api/v1/assets", kClosed, Role::kViewer, kPlain, "List assets", "", 200, "Asset", kList, kPagedByType, ListAssetsPage},
    {"GET",    "/api/v1/assets/{id}", kClosed, Role::kViewer, kPlain, "Read an asset", "", 200, "Asset", kOne, kNone, GetAsset},
    {"PUT",    "/api/v1/assets/{id}", kClosed, Role::kOperator, kPlain, "Change an asset", "Asset", 200, "Asset", kOne, kNone, PutAsset},
    {"DELETE", "/api/v1/assets/{id}", kClosed, Role::kOperator, kPlain, "Remove an asset that no mapping names", "", 204, "", kOne, kNone, RemoveAsset},

    {"POST",   "/api/v1/models", kClosed, Role::kScientist, kKeyed, "Submit a model by its manifest", "Manifest", 201, "Model", kOne, kDryRun, PostModel},
    {"GET",    "/api/v1/models", kClosed, Role::kViewer, kPlain, "List models", "", 200, "Model", kList, kPagedByState, ListModels},
    {"GET",    "/api/v1/models/{name}", kClosed, Role::kViewer, kPlain, "Read a model", "", 200, "Model", kOne, kNone, GetModel},
    {"PUT",    "/api/v1/models/{name}/manifest", kClosed, Role::kScientist, kPlain, "Replace the manifest of a model in DRAFT", "Manifest", 200, "Model", kOne, kDryRun, PutManifest},
    {"PUT",    "/api/v1/models/{name}/mappings", kClosed, Role::kOperator, kPlain, "Map a model in DRAFT to telemetry", "Mappings", 200, "Model", kOne, kDryRun, PutMappings},
    {"POST",   "/api/v1/models/{name}/deploy", kClosed, Role::kOperator, kKeyed, "Deploy a model", "", 202, "Accepted", kOne, kNone, DeployModel},
    {"POST",   "/api/v1/models/{name}/withdraw", kClosed, Role::kOperator, kKeyed, "Take a model back to DRAFT", "", 202, "Accepted", kOne, kNone, WithdrawModel},
    {"POST",   "/api/v1/models/{name}/halt", kClosed, Role::kOperator, kKeyed, "Halt a model", "", 202, "Accepted", kOne, kNone, HaltModel},
    {"POST",   "/api/v1/models/{name}/resume", kClosed, Role::kOperator, kKeyed, "Resume a halted model", "", 202, "Accepted", kOne, kNone, ResumeModel},
    {"DELETE", "/api/v1/models/{name}", kClosed, Role::kScientist, kPlain, "Remove a model in DRAFT", "", 202, "Accepted", kOne, kNone, RemoveModel},
    {"GET",    "/api/v1/operations/{id}", kClosed, Role::kViewer, kPlain, "Read how far an operation got", "", 200, "Operation", kOne, kNone, GetOperation},

    {"GET",    "/api/v1/models/{name}/state-history", kClosed, Role::kViewer, kPlain, "State changes, newest first", "", 200, "StateChange", kList, kPaged, ListStateHistory},
    {"GET",    "/api/v1/models/{name}/health-history", kClosed, Role::kViewer, kPlain, "Health changes, newest first", "", 200, "HealthChange", kList, kPaged, ListHealthHistory},
    {"GET",    "/api/v1/models/{name}/logs", kClosed, Role::kViewer, kPlain, "Last lines of the model's container", "", 200, "Logs", kOne, kTail, GetLogs},
    {"GET",    "/api/v1/models/{name}/dead-letters", kClosed, Role::kViewer, kPlain, "Records that could not be scored, newest first", "", 200, "DeadLetter", kList, kPaged, ListDeadLetters},
    {"POST",   "/api/v1/models/{name}/dead-letters/replay", kClosed, Role::kOperator, kKeyed, "Try dead letters again", "Replay", 202, "Replaying", kOne, kNone, ReplayDeadLetters},

    {"POST",   "/api/v1/tenants", kClosed, Role::kPlatformAdmin, kKeyed, "Make a tenant", "Tenant", 201, "Tenant", kOne, kNone, PostTenant},
    {"GET",    "/api/v1/tenants", kClosed, Role::kPlatformAdmin, kPlain, "List tenants", "", 200, "Tenant", kList, kPaged, ListTenantsPage},
    {"GET",    "/api/v1/tenants/{id}", kClosed, Role::kViewer, kPlain, "Read a tenant", "", 200, "Tenant", kOne, kNone, GetTenant},
    {"PUT",    "/api/v1/tenants/{id}", kClosed, Role::kPlatformAdmin, kPlain, "Change what a tenant has set", "Tenant", 200, "Tenant", kOne, kNone, PutTenant},
    {"POST",   "/api/v1/tenants/{id}/tokens", kClosed, Role::kAdmin, kPlain, "Make a token", "TokenRequest", 201, "NewToken", kOne, kNone, PostToken},
    {"GET",    "/api/v1/tenants/{id}/tokens", kClosed, Role::kAdmin, kPlain, "List tokens", "", 200, "Token", kList, kPaged, ListTokensPage},
    {"DELETE", "/api/v1/tenants/{id}/tokens/{name}", kClosed, Role::kAdmin, kPlain, "Revoke a token", "", 204, "", kOne, kNone, RemoveToken},

    {"GET",    "/api/v1/openapi.json", kOpen, Role::kViewer, kPlain, "This document", "", 200, "OpenApi", kOne, kNone, nullptr},
};
// clang-format on

}  // namespace

std::span<const ApiRoute> RouteTable() { return kRoutes; }

}  // namespace outrigger::model_api
