// SPDX-License-Identifier: Apache-2.0
#include "data_companion/score_call.h"

#include <algorithm>
#include <map>

#include "outrigger/scoring/score_request.h"

namespace outrigger::companion {
namespace {

constexpr std::size_t kShownOfBody = 200;

std::string Shown(std::string_view body) {
  std::string text(body.substr(0, kShownOfBody));
  std::ranges::replace_if(text, [](unsigned char c) { return c < 0x20 || c >= 0x7f; }, ' ');
  return text;
}

}  // namespace

ScoreCall::ScoreCall(const DeploymentSpec& spec, std::string id, RowQueue::Batch batch)
    : spec_(spec),
      id_(std::move(id)),
      trace_(batch.front().rows.front().trace.Child()),
      traceparent_(trace_.Text()),
      batch_(std::move(batch)) {
  std::map<std::string_view, std::size_t> places;  // lanes of one subject are one asset
  for (const auto& lane : batch_) {
    const auto [place, fresh] = places.emplace(lane.subject, asked_.size());
    if (fresh) {
      asked_.push_back({lane.subject, {}});
      rows_.emplace_back();
    }
    for (const PendingRow& row : lane.rows) rows_[place->second].push_back(&row);
  }
  for (std::size_t i = 0; i < asked_.size(); ++i) {
    std::ranges::sort(rows_[i], {},
                      [](const PendingRow* row) { return std::pair(row->row.time, row->row.seq); });
    for (const PendingRow* row : rows_[i]) asked_[i].rows.push_back(&row->row);
  }
  body_ = std::make_shared<const std::string>(scoring::ScoreRequest(
      {id_, spec.model.str(), spec.version, spec.deployment.str()}, spec.inputs, asked_));
}

std::string ScoreCall::TraceOf(const PendingRow& row) const {
  if (!row.trace || row.trace.SameTrace(trace_)) return traceparent_;
  return row.trace.Child().Text();
}

std::string ScoreCall::CausesOf(std::size_t asset) const {
  std::map<int, std::vector<std::int64_t>> offsets;
  std::string text;
  for (const PendingRow* row : rows_[asset]) {
    if (row->replay) {
      text += (text.empty() ? "replay:" : ";replay:") + row->replay->name;
      continue;
    }
    auto& of = offsets[row->partition];
    if (row->row.causes.empty())
      of.push_back(row->row.seq);
    else
      of.insert(of.end(), row->row.causes.begin(), row->row.causes.end());
  }
  for (auto& [partition, list] : offsets) {
    std::ranges::sort(list);
    text += (text.empty() ? "" : ";") + std::to_string(partition) + ':';
    for (std::size_t i = 0; i < list.size();) {
      std::size_t last = i;
      while (last + 1 < list.size() && list[last + 1] <= list[last] + 1) ++last;
      text += (i == 0 ? "" : ",") + std::to_string(list[i]) + '-' + std::to_string(list[last]);
      i = last + 1;
    }
  }
  return text;
}

std::string_view ScoreCall::RetryCause(const Result<http::Reply>& reply) {
  if (!reply) return reply.error().code() == ErrorCode::kTimeout ? "timeout" : "unreachable";
  return scoring::ConcernsWholeModel(reply->status) ? "busy" : "error";
}

ScoreCall::Outcome ScoreCall::Judge(const Result<http::Reply>& reply,
                                    std::int64_t now_wall_ms) const {
  using Kind = Outcome::Kind;
  using scoring::Verdict;
  if (!reply) {
    const Error& error = reply.error();
    if (error.code() == ErrorCode::kCorrupt)  // no HTTP, or longer than allowed
      return {Kind::kFinal, {}, "bad-reply", error.message(), false, false, {}};
    return {Kind::kTryAgain,
            {},
            "retries-exhausted",
            error.ToString(),
            error.code() != ErrorCode::kTimeout,
            error.code() == ErrorCode::kResourceExhausted,
            {}};
  }
  const std::string status = "status " + std::to_string(reply->status);
  switch (scoring::VerdictOf(reply->status)) {
    case Verdict::kTryAgain:
      return {Kind::kTryAgain,
              {},
              "retries-exhausted",
              status + ": " + Shown(reply->body),
              scoring::ConcernsWholeModel(reply->status),
              false,
              scoring::RetryAfter(reply->Header("retry-after"), now_wall_ms)};
    case Verdict::kRefused:
      return {Kind::kFinal, {}, "refused", status + ": " + Shown(reply->body), false, false, {}};
    case Verdict::kBadReply:
      return {Kind::kFinal, {}, "bad-reply", status + " is no answer", false, false, {}};
    case Verdict::kAnswered:
      break;
  }
  auto outputs = scoring::CheckReply(reply->body, spec_.outputs, asked_);
  if (!outputs) return {Kind::kFinal, {}, "bad-reply", outputs.error().message(), false, false, {}};
  return {Kind::kScored, *std::move(outputs), {}, {}, false, false, {}};
}

}  // namespace outrigger::companion
