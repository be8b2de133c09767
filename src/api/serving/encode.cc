#include "api/serving/encode.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <mutex>
#include <optional>
#include <utility>

#include "api/kept/kept_answers.h"
#include "api/serving/answer_inputs.h"
#include "api/serving/degraded.h"
#include "base/log.h"

namespace studio::api {
namespace {

using inference::Encoded;
using std::chrono::steady_clock;

constexpr size_t kMaxNamedCuts = 16;  // in one field of a head

class EncodeAnswer : public std::enable_shared_from_this<EncodeAnswer> {
 public:
  EncodeAnswer(std::shared_ptr<http::Exchange> exchange, const Services& services, ServedModelPtr model,
               EncodeOptions options, OpenAnswers::Lease lease, KeptAnswers::Run run)
      : run_(run),
        lease_(std::move(lease)),
        exchange_(std::move(exchange)),
        services_(services),
        model_(std::move(model)),
        options_(std::move(options)) {}

  void start(EncodeInput input) {
    cut_ = std::move(input.cut);
    names_numerics_ = input.is_fast.has_value();
    inference::EncodeRequest request{.request_id = exchange_->request().request_id,
                                     .texts = std::move(input.texts),
                                     .is_fast = input.is_fast.value_or(false),
                                     .deadline = exchange_->received_at() + services_.answer_limit};
    auto handle = model_->encoder->start(std::move(request), [self = shared_from_this()](Result<Encoded> encoded) {
      self->services_.post([self, encoded = std::move(encoded)] { self->settle(encoded); });
    });
    if (!handle.ok()) {
      services_.metrics->note_refusal(handle.error());
      lease_.reset();
      tell_end(KeptAnswers::End::kFailed);
      return exchange_->respond(options_.refuse(handle.error()));
    }
    {
      std::scoped_lock lock(mutex_);
      if (!is_over_) handle_ = std::move(*handle);
    }
    exchange_->on_gone([weak = weak_from_this()] {
      auto self = weak.lock();
      if (!self) return;
      // Letting go of a handle tells the sink, which is no business of an I/O thread of ours.
      self->services_.post([self] { self->take_handle().reset(); });
    });
  }

 private:
  using HandlePtr = std::unique_ptr<inference::EncoderClient::Handle>;

  HandlePtr take_handle() {
    std::scoped_lock lock(mutex_);
    return std::move(handle_);
  }

  bool tell_end(KeptAnswers::End end) const {
    return run_ == KeptAnswers::Run::kUnkept || services_.kept->end(exchange_->request().request_id, end);
  }

  static KeptAnswers::End end_of(const Result<Encoded>& encoded) {
    if (encoded.ok()) return KeptAnswers::End::kWhole;
    return encoded.error().code() == Code::kCancelled ? KeptAnswers::End::kCancelled : KeptAnswers::End::kFailed;
  }

  // The server stops. The next one computes it, and its usage is recorded then.
  void leave_for_later() {
    lease_.reset();
    {
      std::scoped_lock lock(mutex_);
      is_over_ = true;
    }
    take_handle().reset();
    exchange_->abort();
  }

  void settle(const Result<Encoded>& encoded) {
    if (!tell_end(end_of(encoded))) return leave_for_later();
    const Status recorded = services_.usage->record(usage_record(encoded));
    if (!recorded.ok()) {
      log::error("usage.record_failed", {{"request_id", exchange_->request().request_id},
                                         {"why", recorded.error().message()},
                                         {"detail", recorded.error().detail().text}});
      tell_end(KeptAnswers::End::kFailed);
    }
    lease_.reset();
    count(encoded);
    {
      std::scoped_lock lock(mutex_);
      is_over_ = true;
    }
    take_handle().reset();
    if (!encoded.ok()) {
      const bool is_cut = encoded.error().code() == Code::kCancelled;
      return exchange_->respond(options_.refuse(
          is_cut ? Error(Code::kUnavailable, "The server is stopping; send the request again.") : encoded.error()));
    }
    if (!recorded.ok()) {
      return exchange_->respond(options_.refuse(
          Error(Code::kInternal, "The usage of this request could not be stored, so its answer is withheld.")));
    }
    http::Response response = options_.render(*encoded);
    add_marks(response);
    if (names_numerics_) response.fields.add("X-Studio-Numerics", encoded->numerics_class);
    exchange_->respond(std::move(response));
  }

  void add_marks(http::Response& response) const {
    const auto listed = [](const std::vector<std::string>& names) {
      std::string text;
      for (size_t i = 0; i < std::min(names.size(), kMaxNamedCuts); ++i) text += (i > 0 ? ", " : "") + names[i];
      if (names.size() > kMaxNamedCuts) text += " and " + std::to_string(names.size() - kMaxNamedCuts) + " more";
      return text;
    };
    add_names("X-Studio-Ignored", options_.ignored, response);
    add_names("X-Studio-Degraded", options_.degraded, response);
    if (!cut_.empty()) response.fields.add("X-Studio-Degraded", "truncated: " + listed(cut_));
    const boost::json::object degraded = degraded_object(options_.degraded, cut_);
    if (!degraded.empty()) add_degraded_member(degraded, response);
  }

  static const char* outcome_of(const Result<Encoded>& encoded) {
    if (encoded.ok()) return "stop";
    return encoded.error().code() == Code::kCancelled ? "cancelled" : "error";
  }

  inference::UsageRecord usage_record(const Result<Encoded>& encoded) const {
    const auto since = steady_clock::now() - exchange_->received_at();
    inference::UsageRecord record;
    record.request_id = exchange_->request().request_id;
    record.key_id = exchange_->request().principal;
    record.model = model_->name;
    record.operation = options_.operation;
    record.prompt_tokens = encoded.ok() ? encoded->prompt_tokens : 0;
    record.outcome = outcome_of(encoded);
    record.started_at =
        std::chrono::system_clock::now() - std::chrono::duration_cast<std::chrono::system_clock::duration>(since);
    record.total_ms = std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
    return record;
  }

  void count(const Result<Encoded>& encoded) const {
    GatewayMetrics& metrics = *services_.metrics;
    metrics.generations.add({model_->name, exchange_->request().route, outcome_of(encoded)});
    if (encoded.ok()) {
      metrics.prompt_tokens.add({model_->name}, static_cast<double>(encoded->prompt_tokens));
    } else {
      metrics.note_refusal(encoded.error());
    }
    const std::chrono::duration<double> took = steady_clock::now() - exchange_->received_at();
    metrics.end_to_end.observe({model_->name}, took.count());
  }

  const KeptAnswers::Run run_;
  std::optional<OpenAnswers::Lease> lease_;  // until the end is told
  const std::shared_ptr<http::Exchange> exchange_;
  const Services services_;
  const ServedModelPtr model_;
  const EncodeOptions options_;
  std::vector<std::string> cut_;
  bool names_numerics_ = false;

  std::mutex mutex_;  // of what follows; never held while a handle goes
  HandlePtr handle_;
  bool is_over_ = false;
};

Result<KeptAnswers::Run> admit(const Services& services, const ServedModel& model, const http::Exchange& exchange,
                               const EncodeInput& input, const EncodeOptions& options) {
  if (!services.kept) return KeptAnswers::Run::kUnkept;
  return services.kept->admit(exchange.request().request_id,
                              [&] { return digest_of_inputs(model, input.texts, options.operation); });
}

}  // namespace

void answer_encoded(const std::shared_ptr<http::Exchange>& exchange, const Services& services, ServedModelPtr model,
                    EncodeInput input, EncodeOptions options) {
  auto lease = services.open_answers->open(exchange->request().principal);
  if (!lease.ok()) {
    services.metrics->note_refusal(lease.error());
    return exchange->respond(options.refuse(lease.error()));
  }
  auto run = admit(services, *model, *exchange, input, options);
  if (!run.ok()) {
    services.metrics->note_refusal(run.error());
    {
      const OpenAnswers::Lease given_back = std::move(*lease);
    }
    return exchange->respond(options.refuse(run.error()));
  }
  std::make_shared<EncodeAnswer>(exchange, services, std::move(model), std::move(options), std::move(*lease), *run)
      ->start(std::move(input));
}

void append_number(std::string& out, float value) {
  std::array<char, 32> text;
  out.append(text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr);
}

void append_vector(std::string& out, const float* values, size_t count) {
  out += '[';
  for (size_t i = 0; i < count; ++i) {
    if (i > 0) out += ',';
    append_number(out, values[i]);
  }
  out += ']';
}

}  // namespace studio::api
