// SPDX-License-Identifier: Apache-2.0
#include "model_api/problems.h"

#include <utility>

namespace outrigger::model_api {
namespace {

http::Problem Make(int status, std::string code, std::string title, std::string detail,
                   std::string hint = {}, Faults faults = {}) {
  http::Problem problem;
  problem.status = status;
  problem.code = std::move(code);
  problem.title = std::move(title);
  problem.detail = std::move(detail);
  problem.hint = std::move(hint);
  if (Enough(faults)) {
    faults.resize(kMaxFaults);
    faults.push_back({"", "too-many-faults",
                      "there are more than " + std::to_string(kMaxFaults) +
                          " faults; the others are told once these are mended"});
  }
  problem.errors = std::move(faults);
  return problem;
}

std::string Count(const Faults& faults) {
  if (Enough(faults)) return "more than " + std::to_string(kMaxFaults) + " faults";
  return faults.size() == 1 ? "1 fault" : std::to_string(faults.size()) + " faults";
}

}  // namespace

http::Problem Unauthenticated() {
  // The same words as every other service's, see http::Judge().
  return http::ProblemFrom(Error(ErrorCode::kUnauthenticated,
                                 "the bearer token is missing, unknown or has expired",
                                 "send Authorization: Bearer TOKEN"));
}

http::Problem Forbidden(std::string detail) {
  return Make(403, "role-too-low", "", std::move(detail),
              "ask an admin of the tenant for a token of that role");
}

http::Problem Missing() {
  // The library's own, so that every 404 is the same bytes.
  return http::ProblemFrom(Error(ErrorCode::kNotFound, ""));
}

http::Problem StateConflict(std::string detail, std::string hint) {
  return Make(409, "state-conflict", "The state does not allow it", std::move(detail),
              std::move(hint));
}

http::Problem Taken(std::string detail, Faults faults) {
  return Make(409, "taken", "It is there already", std::move(detail),
              "choose another name or id, or change the one that is there", std::move(faults));
}

http::Problem InUse(std::string detail, std::string hint) {
  return Make(409, "in-use", "Still in use", std::move(detail), std::move(hint));
}

http::Problem WriterConflict(std::string detail, Faults faults) {
  return Make(409, "writer-conflict", "Mapped models would collide", std::move(detail),
              "change the mapping of the other model first", std::move(faults));
}

http::Problem PreconditionFailed(std::string current) {
  auto problem = Make(412, "precondition-failed", "It has changed since you read it",
                      "If-Match does not name the current version",
                      "read it again and repeat the change on what you find");
  problem.headers.emplace_back("ETag", std::move(current));
  return problem;
}

http::Problem TooLarge(const std::string& detail) {
  return Make(413, "too-large", "Too large", detail, "send less at once",
              {
                  {"", "too-large", detail}
  });
}

http::Problem UnsupportedMediaType(std::string detail, std::string hint) {
  return Make(415, "unsupported-media-type", "Not a type of document that is read here",
              std::move(detail), std::move(hint));
}

http::Problem Malformed(Faults faults) {
  std::string detail = "the body cannot be read: " + Count(faults);
  return Make(400, "malformed", "Not a document", std::move(detail),
              "mend the text where the fault says: it must be one whole document in UTF-8",
              std::move(faults));
}

http::Problem BadQuery(std::string detail, std::string hint) {
  return Make(400, "bad-query", "Bad query parameter or header", std::move(detail),
              std::move(hint));
}

http::Problem Invalid(Faults faults) {
  std::string detail = Count(faults);
  return Make(422, "invalid", "The document has faults", std::move(detail),
              "mend what each pointer names and send the whole document again; nothing was stored",
              std::move(faults));
}

http::Problem Unsupported(Faults faults) {
  return Make(422, "unsupported", "This build cannot run it",
              "the document is valid and stored, but this build cannot run what it asks for",
              "change what the pointers name", std::move(faults));
}

http::Problem NotBuilt(std::string detail) {
  return Make(
      501, "not-implemented", "Not in this build", std::move(detail),
      "do without it, or ask for a build that has it; openapi.json tells what this one does");
}

http::Problem NotPublished() {
  auto problem =
      Make(503, "not-published", "Stored, not yet published",
           "the change is stored and will be published as soon as Kafka answers; until then the "
           "data plane does not know it",
           "do not repeat the change: read it back");
  problem.headers.emplace_back("Retry-After", "5");
  return problem;
}

}  // namespace outrigger::model_api
