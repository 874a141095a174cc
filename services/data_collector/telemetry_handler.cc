// SPDX-License-Identifier: Apache-2.0
#include "data_collector/telemetry_handler.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "data_collector/answers.h"
#include "data_collector/sample.h"
#include "data_collector/telemetry_reader.h"
#include "outrigger/http/bearer.h"
#include "outrigger/messaging/trace.h"

namespace outrigger::data_collector {
namespace {

constexpr char kBusy[] = "too many requests are being worked on";
constexpr char kKafkaGone[] = "Kafka does not answer, so nothing can be taken in now";

// The trace context that the records of one request share: the sender's, or a new one.
std::string TraceParent(const http::Request& request) {
  return messaging::TraceContext::Read(request.Header("traceparent")).Text();
}

}  // namespace

// One request on its way.
struct TelemetryHandler::Ingest {
  http::Request request;
  http::ResponderPtr respond;
  std::string token_key;
  http::Credential credential;
  SampleRules rules;
  BodyForm form = BodyForm::kNone;
  RawBatch batch;
  std::vector<Sample> samples;
  std::vector<Rejected> rejected;
};

// The records of one request that Kafka has yet to acknowledge.
struct TelemetryHandler::Delivery {
  http::ResponderPtr respond;
  std::size_t accepted = 0;
  std::vector<Rejected> rejected;
  std::atomic<std::size_t> left{0};
  std::atomic<bool> failed{false};
};

TelemetryHandler::TelemetryHandler(const Parts& parts, const Limits& limits)
    : parts_(parts),
      limits_(limits),
      accepted_(parts.metrics.GetCounter("outrigger_collector_records_total",
                                         "Telemetry records by what became of them.",
                                         {
                                             {"result", "accepted"}
})),
      rejected_(parts.metrics.GetCounter("outrigger_collector_records_total",
                                         "Telemetry records by what became of them.",
                                         {{"result", "rejected"}})),
      failed_(parts.metrics.GetCounter("outrigger_collector_records_total",
                                       "Telemetry records by what became of them.",
                                       {{"result", "failed"}})),
      waiting_(parts.metrics.GetGauge("outrigger_collector_records_in_flight",
                                      "Records sent to Kafka and not yet acknowledged.")) {}

void TelemetryHandler::Handle(http::Request request, http::ResponderPtr respond) {
  const auto ingest = std::make_shared<Ingest>();
  ingest->request = std::move(request);
  ingest->respond = std::move(respond);
  ingest->rules = {parts_.clock.WallMs(), limits_.max_ahead.count(), limits_.max_age.count()};
  const auto token = http::BearerToken(ingest->request);
  if (!token)
    return ingest->respond->Send(
        *http::Judge(nullptr, http::Role::kOperator, ingest->rules.now_ms));
  ingest->token_key = http::TokenKey(*token);
  Authorize(ingest, false);
}

void TelemetryHandler::Authorize(const IngestPtr& ingest, bool looked_again) {
  const auto found = parts_.credentials.Find(ingest->token_key);
  if (!found && !looked_again) {
    parts_.credential_table.ReadToEndAsync(
        limits_.look_again, [this, ingest](const Result<>& read) {
          if (!read.ok()) return ingest->respond->Send(NotNow(kKafkaGone));
          Later(ingest, [](TelemetryHandler& self, const IngestPtr& later) {
            self.Authorize(later, true);
          });
        });
    return;
  }
  const http::Credential* const credential = found ? &*found : nullptr;
  if (auto refusal = http::Judge(credential, http::Role::kOperator, ingest->rules.now_ms))
    return ingest->respond->Send(std::move(*refusal));
  ingest->credential = *found;
  const http::Request& request = ingest->request;
  ingest->form =
      FormOf(request.Header("content-type"), !request.Header("content-encoding").empty());
  if (ingest->form == BodyForm::kNone) return ingest->respond->Send(WrongForm());
  if (request.body_too_large) {
    return ingest->respond->Send(
        RefusedBody({413, "too-large", "at most 8 MiB are taken in one request"}));
  }
  if (looked_again || request.body.size() <= limits_.inline_bytes) return Read(ingest);
  Later(ingest, [](TelemetryHandler& self, const IngestPtr& later) { self.Read(later); });
}

void TelemetryHandler::Later(const IngestPtr& ingest, Step step) {
  if (!parts_.pool.Push([this, ingest, step] { step(*this, ingest); }))
    ingest->respond->Send(NotNow(kBusy));
}

void TelemetryHandler::Read(const IngestPtr& ingest) {
  const std::string& body = ingest->request.body;
  auto batch = ingest->form == BodyForm::kNdjson ? ReadNdjson(body, limits_.max_records)
                                                 : ReadJson(body, limits_.max_records);
  if (!batch) return ingest->respond->Send(RefusedBody(batch.error()));
  ingest->batch = std::move(*batch);
  ingest->request.body = std::string();
  JudgeAll(ingest, false);
}

void TelemetryHandler::JudgeAll(const IngestPtr& ingest, bool looked_again) {
  ingest->samples.clear();
  ingest->rejected.clear();
  ingest->samples.reserve(ingest->batch.records.size());
  bool by_catalog = false;
  for (const RawRecord& record : ingest->batch.records) {
    auto judged = JudgeRecord(record, ingest->credential.tenant, parts_.catalog, ingest->rules);
    if (judged) {
      ingest->samples.push_back(std::move(*judged));
    } else {
      by_catalog = by_catalog || judged.error().by_catalog;
      ingest->rejected.push_back({record.index, std::move(judged.error().faults)});
    }
  }
  if (!by_catalog || looked_again) return Produce(ingest);
  parts_.catalog_table.ReadToEndAsync(limits_.look_again, [this, ingest](const Result<>& read) {
    if (!read.ok()) return ingest->respond->Send(NotNow(kKafkaGone));
    Later(ingest,
          [](TelemetryHandler& self, const IngestPtr& later) { self.JudgeAll(later, true); });
  });
}

void TelemetryHandler::Produce(const IngestPtr& ingest) {
  rejected_.Add(static_cast<double>(ingest->rejected.size()));
  const std::size_t count = ingest->samples.size();
  if (count == 0) return ingest->respond->Send(AllBad(ingest->rejected, ingest->batch.lone));
  if (in_flight_.fetch_add(count) + count > limits_.max_in_flight) {
    in_flight_.fetch_sub(count);
    return ingest->respond->Send(NotNow(kBusy));
  }
  waiting_.Add(static_cast<double>(count));
  const auto delivery = std::make_shared<Delivery>();
  delivery->respond = ingest->respond;
  delivery->accepted = count;
  delivery->rejected = std::move(ingest->rejected);
  delivery->left = count;
  const std::string trace = TraceParent(ingest->request);
  for (std::size_t i = 0; i < count; ++i) {
    const Result<> sent = parts_.producer.Send(
        ToTelemetry(ingest->credential.tenant, ingest->samples[i], trace),
        [this, delivery](const auto& done) { Delivered(delivery, done.ok(), 1); });
    // What follows is not even tried: the sender sends the whole again.
    if (!sent.ok()) return Delivered(delivery, false, count - i);
  }
}

void TelemetryHandler::Delivered(const std::shared_ptr<Delivery>& delivery, bool good,
                                 std::size_t count) {
  in_flight_.fetch_sub(count);
  waiting_.Add(-static_cast<double>(count));
  if (!good) delivery->failed = true;
  if (delivery->left.fetch_sub(count) != count) return;
  if (delivery->failed) {
    failed_.Add(static_cast<double>(delivery->accepted));
    return delivery->respond->Send(NotNow("Kafka did not acknowledge; some of it may be in"));
  }
  accepted_.Add(static_cast<double>(delivery->accepted));
  delivery->respond->Send(Accepted(delivery->accepted, delivery->rejected));
}

}  // namespace outrigger::data_collector
