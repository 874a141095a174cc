// SPDX-License-Identifier: Apache-2.0
#include "model_api/schemas.h"

#include <nlohmann/json.hpp>
#include <string_view>

namespace outrigger::model_api {
namespace {

constexpr std::string_view kInventory = R"json({
  "Definition": {
    "type": "object", "required": ["name", "type"], "additionalProperties": false,
    "properties": {
      "name": {"type": "string", "minLength": 1, "maxLength": 128},
      "type": {"enum": ["number", "string", "boolean"]},
      "unit": {"type": ["string", "null"], "description": "UCUM code, of numbers only"}
    }
  },
  "AssetId": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"},
  "AssetType": {
    "type": "object", "required": ["id"], "additionalProperties": false,
    "properties": {
      "id": {"$ref": "#/components/schemas/AssetId"},
      "name": {"type": ["string", "null"], "minLength": 1, "maxLength": 256, "description": "default: the id"},
      "attributes": {"type": ["array", "null"], "maxItems": 1000, "items": {"$ref": "#/components/schemas/Definition"}},
      "telemetries": {"type": ["array", "null"], "maxItems": 1000, "items": {"$ref": "#/components/schemas/Definition"}}
    }
  },
  "Asset": {
    "type": "object", "required": ["id", "type"], "additionalProperties": false,
    "properties": {
      "id": {"$ref": "#/components/schemas/AssetId"},
      "name": {"type": ["string", "null"], "minLength": 1, "maxLength": 256, "description": "default: the id"},
      "type": {"type": "string", "description": "id of an asset type"},
      "attributes": {"type": ["object", "null"], "additionalProperties": {"type": ["string", "number", "boolean"]},
                     "description": "values of the type's attributes"},
      "telemetries": {"type": ["array", "null"], "maxItems": 1000, "items": {"$ref": "#/components/schemas/Definition"},
                      "description": "beside those of the type"}
    }
  },
  "Assets": {
    "description": "one asset, or up to 10,000 in one transaction",
    "oneOf": [
      {"$ref": "#/components/schemas/Asset"},
      {"type": "array", "maxItems": 10000, "items": {"$ref": "#/components/schemas/Asset"}}
    ]
  },
  "AssetsCreated": {
    "oneOf": [
      {"$ref": "#/components/schemas/Asset"},
      {"type": "object", "required": ["items"],
       "properties": {"items": {"type": "array", "items": {"$ref": "#/components/schemas/Asset"}}}}
    ]
  },
  "ContainerRegistry": {
    "type": "object", "required": ["name", "registry"], "additionalProperties": false,
    "properties": {
      "name": {"$ref": "#/components/schemas/AssetId"},
      "registry": {"type": "string", "description": "host, with a port if need be"},
      "username": {"type": ["string", "null"]},
      "password": {"type": ["string", "null"], "description": "sealed when stored; shown as ********"}
    }
  },
  "Tenant": {
    "type": "object", "required": ["id"], "additionalProperties": false,
    "properties": {
      "id": {"type": "string", "pattern": "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"},
      "retention": {
        "type": ["object", "null"], "additionalProperties": false,
        "description": "how long history is kept; without it for ever",
        "properties": {"historyDays": {"type": ["integer", "null"], "minimum": 1, "maximum": 36500}}
      }
    }
  },
  "TokenRequest": {
    "type": "object", "required": ["name", "role"], "additionalProperties": false,
    "properties": {
      "name": {"$ref": "#/components/schemas/AssetId"},
      "role": {"enum": ["viewer", "scientist", "operator", "admin", "platform-admin"]},
      "expires": {"type": ["string", "null"], "format": "date-time"}
    }
  },
  "NewToken": {
    "type": "object", "required": ["name", "role", "token"],
    "properties": {
      "name": {"type": "string"}, "role": {"type": "string"}, "expires": {"type": "string", "format": "date-time"},
      "token": {"type": "string", "description": "shown this once"}
    }
  },
  "Token": {
    "type": "object", "required": ["name", "role"],
    "properties": {"name": {"type": "string"}, "role": {"type": "string"}, "expires": {"type": "string", "format": "date-time"}}
  }
})json";

constexpr std::string_view kModels = R"json({
  "Column": {
    "type": "object", "required": ["dataColumnName"],
    "properties": {
      "dataColumnName": {"type": "string", "minLength": 1, "maxLength": 128},
      "readAsString": {"type": "boolean"}, "unit": {"type": "string"}
    }
  },
  "ManifestDocument": {
    "type": "object", "required": ["model", "trigger", "inputs", "outputs"],
    "description": "manifests/schema/manifest.schema.json describes every field",
    "properties": {
      "name": {"type": "string"}, "version": {"type": "string", "maxLength": 64}, "description": {"type": "string"},
      "model": {"type": "object", "required": ["type", "scoreEndpoint", "hosted"],
                "properties": {"type": {"enum": ["http", "amqp", "kserve-v2"]}, "scoreEndpoint": {"type": "string"},
                               "healthCheckEndpoint": {"type": "string"}, "hosted": {"enum": ["internal", "external"]}}},
      "trigger": {"type": "object", "required": ["type"], "properties": {"type": {"enum": ["REAL_TIME", "TIME_WINDOW"]}}},
      "inputs": {"type": "array", "minItems": 1, "maxItems": 256, "items": {"$ref": "#/components/schemas/Column"}},
      "outputs": {"type": "array", "minItems": 1, "maxItems": 256, "items": {"$ref": "#/components/schemas/Column"}},
      "provenance": {"type": "object"}
    }
  },
  "Manifest": {
    "description": "bare, or wrapped in {\"manifest\": …}; JSON (comments allowed) or YAML",
    "anyOf": [
      {"$ref": "#/components/schemas/ManifestDocument"},
      {"type": "object", "required": ["manifest"], "additionalProperties": false,
       "properties": {"manifest": {"$ref": "#/components/schemas/ManifestDocument"}}}
    ]
  },
  "Side": {
    "type": "object", "required": ["telemetry"], "additionalProperties": false,
    "properties": {"asset": {"type": "string"}, "assetType": {"type": "string"}, "telemetry": {"type": "string"}},
    "oneOf": [{"required": ["asset"]}, {"required": ["assetType"]}]
  },
  "Sides": {"type": "object", "additionalProperties": {"$ref": "#/components/schemas/Side"}},
  "Mappings": {
    "oneOf": [
      {"type": "object", "required": ["inputs", "outputs"], "additionalProperties": false,
       "properties": {"inputs": {"$ref": "#/components/schemas/Sides"}, "outputs": {"$ref": "#/components/schemas/Sides"}}},
      {"type": "object", "required": ["groups"], "additionalProperties": false,
       "properties": {"groups": {"type": "array", "minItems": 1, "items": {
         "type": "object", "required": ["inputs", "outputs"], "additionalProperties": false,
         "properties": {"subject": {"type": "string"}, "inputs": {"$ref": "#/components/schemas/Sides"},
                        "outputs": {"$ref": "#/components/schemas/Sides"}}}}}}
    ]
  },
  "Model": {
    "type": "object", "required": ["name", "version", "generation", "manifest", "mappings", "status"],
    "properties": {
      "name": {"type": "string"}, "version": {"type": "string"}, "generation": {"type": "integer"},
      "manifest": {"$ref": "#/components/schemas/ManifestDocument"},
      "mappings": {"type": ["object", "null"]},
      "warnings": {"type": "array", "items": {"type": "object", "required": ["pointer", "code", "detail"],
        "properties": {"pointer": {"type": "string"}, "code": {"type": "string"}, "detail": {"type": "string"}}}},
      "status": {
        "type": "object", "required": ["state", "reason", "message", "since", "observedGeneration"],
        "properties": {
          "state": {"enum": ["DRAFT", "DEPLOYING", "ACTIVE", "RECOVERING", "HALTING", "HALTED", "RESUMING", "WITHDRAWING", "REMOVING"]},
          "reason": {"type": "string"}, "message": {"type": "string"}, "since": {"type": "string", "format": "date-time"},
          "observedGeneration": {"type": "integer"}, "assets": {"type": "integer"}, "deployment": {"type": ["string", "null"]},
          "lag": {"type": "integer"}, "lateSamples": {"type": "integer"}, "deadLetters": {"type": "integer"},
          "health": {"type": "object", "properties": {"status": {"enum": ["HEALTHY", "UNHEALTHY", "UNKNOWN"]},
            "checkedAt": {"type": ["string", "null"], "format": "date-time"}, "failures": {"type": "integer"}}},
          "conditions": {"type": "array", "items": {"type": "object"}}
        }
      }
    }
  },
  "Accepted": {"type": "object", "required": ["operation"], "properties": {"operation": {"type": "string"}}},
  "Operation": {
    "type": "object", "required": ["id", "kind", "model", "status", "steps"],
    "properties": {
      "id": {"type": "string"}, "kind": {"type": "string"}, "model": {"type": "string"},
      "status": {"enum": ["RUNNING", "DONE", "UNDONE", "FAILED"]},
      "steps": {"type": "array", "items": {"type": "object", "required": ["name", "status", "tries"], "properties": {
        "name": {"type": "string"}, "status": {"type": "string"}, "tries": {"type": "integer"}, "error": {"type": ["string", "null"]}}}},
      "error": {"type": ["string", "null"]}
    }
  },
  "StateChange": {
    "type": "object", "required": ["from", "to", "reason", "message", "actor", "operation", "time"],
    "properties": {
      "from": {"type": ["string", "null"]}, "to": {"type": "string"}, "reason": {"type": "string"}, "message": {"type": "string"},
      "actor": {"type": "string"}, "operation": {"type": ["string", "null"]}, "time": {"type": "string", "format": "date-time"}
    }
  },
  "HealthChange": {
    "type": "object", "required": ["status", "detail", "latencyMs", "time"],
    "properties": {"status": {"enum": ["HEALTHY", "UNHEALTHY", "UNKNOWN"]}, "detail": {"type": "string"},
                   "latencyMs": {"type": ["number", "null"]}, "time": {"type": "string", "format": "date-time"}}
  },
  "Logs": {"type": "object", "required": ["lines"], "properties": {"lines": {"type": "array", "items": {"type": "string"}}}},
  "DeadLetter": {
    "type": "object", "required": ["id", "requestId", "cause", "detail", "tries", "time", "record"],
    "properties": {"id": {"type": "string"}, "requestId": {"type": ["string", "null"]}, "cause": {"type": "string"},
                   "detail": {"type": "string"}, "tries": {"type": "integer"}, "time": {"type": "string", "format": "date-time"},
                   "record": {},
                   "replay": {"type": ["object", "null"], "required": ["deployment", "end", "time"],
                     "description": "the deployment that tries or tried it again, and how that ended",
                     "properties": {"deployment": {"type": "string"}, "end": {"enum": ["scored", "dead-letter", null]},
                                    "time": {"type": ["string", "null"], "format": "date-time"}}},
                   "replayOf": {"type": ["string", "null"], "description": "id of the dead letter that was tried again and led to this one"}}
  },
  "Replay": {
    "type": "object", "additionalProperties": false,
    "properties": {"ids": {"type": "array", "minItems": 1, "maxItems": 1000, "uniqueItems": true, "items": {"type": "string"}}, "all": {"const": true}},
    "oneOf": [{"required": ["ids"]}, {"required": ["all"]}]
  },
  "Replaying": {
    "type": "object", "required": ["replayed", "more"],
    "properties": {"replayed": {"type": "integer", "description": "how many will be tried again now"},
                   "more": {"type": "boolean", "description": "others have room when some of these have ended: ask again"}}
  },
  "Problem": {
    "type": "object", "required": ["type", "title", "status"],
    "description": "RFC 9457; docs/problems.md tells what each code means",
    "properties": {
      "type": {"type": "string", "format": "uri"}, "title": {"type": "string"}, "status": {"type": "integer"},
      "detail": {"type": "string"}, "hint": {"type": "string"},
      "errors": {"type": "array", "items": {"type": "object", "required": ["pointer", "code", "detail"], "properties": {
        "pointer": {"type": "string", "description": "JSON Pointer (RFC 6901)"}, "code": {"type": "string"}, "detail": {"type": "string"}}}}
    }
  },
  "OpenApi": {"type": "object"}
})json";

}  // namespace

nlohmann::json Schemas() {
  nlohmann::json schemas = nlohmann::json::parse(kInventory);
  schemas.update(nlohmann::json::parse(kModels));
  return schemas;
}

}  // namespace outrigger::model_api
