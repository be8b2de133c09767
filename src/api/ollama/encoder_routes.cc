#include "api/ollama/encoder_routes.h"

#include <boost/json.hpp>
#include <optional>
#include <utility>

#include "api/ollama/find_model.h"
#include "api/ollama/parse.h"
#include "api/ollama/writer.h"
#include "api/serving/encode.h"
#include "base/json.h"

namespace studio::api::ollama {
namespace {

namespace json = boost::json;
using inference::Encoded;
using ExchangePtr = std::shared_ptr<http::Exchange>;
using std::chrono::steady_clock;

void refuse(const ExchangePtr& exchange, const Error& error) {
  exchange->respond(error_response(error));
}

std::optional<Error> check_context(const VectorsCall& call, int context) {
  if (!call.num_ctx || *call.num_ctx <= context) return std::nullopt;
  return Error(Code::kOutOfRange, "options.num_ctx must be at most " + std::to_string(context) +
                                      ", the context of this model; it is " + std::to_string(*call.num_ctx) + ".")
      .with_param("options.num_ctx");
}

// Written by hand: of the megabytes of a large answer all but a few bytes are numbers. Durations are nanoseconds.
std::string render_embed(const Encoded& encoded, const std::string& model, steady_clock::duration took) {
  std::string body = R"({"model":)" + to_json(json::string(model)) + R"(,"embeddings":[)";
  for (size_t begin = 0; begin + encoded.width <= encoded.values.size() && encoded.width > 0; begin += encoded.width) {
    if (begin > 0) body += ',';
    append_vector(body, encoded.values.data() + begin, encoded.width);
  }
  return body + R"(],"total_duration":)" + std::to_string(std::chrono::nanoseconds(took).count()) +
         R"(,"load_duration":0,"prompt_eval_count":)" + std::to_string(encoded.prompt_tokens) + "}";
}

std::string render_old(const Encoded& encoded) {
  std::string body = R"({"embedding":)";
  append_vector(body, encoded.values.data(), encoded.width);
  return body + "}";
}

using Render = std::function<std::string(const Encoded&)>;

void start(const Services& services, const ExchangePtr& exchange, Result<VectorsCall> call, const char* field,
           const char* operation, const std::function<Render(const VectorsCall&)>& renderer) {
  if (!call.ok()) return refuse(exchange, call.error());
  auto model = find_model(services, call->model, ModelKind::kVectors);
  if (!model.ok()) return refuse(exchange, model.error());
  const inference::EncoderModel& encoder = *(*model)->encoder;
  const Status fits = check_dimensions(encoder, *call, "dimensions");
  if (!fits.ok()) return refuse(exchange, fits.error());
  if (const auto error = check_context(*call, encoder.context_tokens())) return refuse(exchange, *error);
  const Render render = renderer(*call);
  if (call->items.empty()) return exchange->respond(http::Response::json(200, render(Encoded())));
  auto input = prepare_embeddings(encoder, *call, field);
  if (!input.ok()) return refuse(exchange, input.error());
  EncodeOptions options{
      .operation = operation, .ignored = call->ignored, .degraded = call->degraded, .render = {}, .refuse = {}};
  options.refuse = [](const Error& error) { return error_response(error); };
  options.render = [render, dimensions = call->dimensions,
                    normalises = encoder.config().normalises](const Encoded& encoded) {
    return http::Response::json(200, render(shortened(encoded, dimensions, normalises)));
  };
  answer_encoded(exchange, services, *model, std::move(*input), std::move(options));
}

}  // namespace

void embed(const Services& services, const ExchangePtr& exchange) {
  start(services, exchange, parse_embed(exchange->request().body), "input", "api.embed",
        [begun = exchange->received_at()](const VectorsCall& call) -> Render {
          return [begun, name = call.model](const Encoded& encoded) {
            return render_embed(encoded, name, steady_clock::now() - begun);
          };
        });
}

void old_embeddings(const Services& services, const ExchangePtr& exchange) {
  start(services, exchange, parse_old_embeddings(exchange->request().body), "prompt", "api.embeddings",
        [](const VectorsCall&) -> Render { return render_old; });
}

}  // namespace studio::api::ollama
