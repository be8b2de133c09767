#include "api/openai/encoder_routes.h"

#include <boost/json.hpp>
#include <utility>

#include "api/openai/errors.h"
#include "api/openai/parse.h"
#include "api/serving/encode.h"
#include "base/json.h"
#include "inference/vector_text.h"

namespace studio::api::openai {
namespace {

namespace json = boost::json;
using inference::Encoded;
using ExchangePtr = std::shared_ptr<http::Exchange>;

void refuse(const ExchangePtr& exchange, const Error& error) {
  exchange->respond(error_response(error, exchange->request().request_id));
}

// Written by hand: of the megabytes of a large answer all but a few bytes are numbers.
std::string render_embeddings(const Encoded& encoded, const std::string& model, const std::string& id, bool is_base64,
                              bool names_numerics) {
  std::string body = R"({"object":"list","data":[)";
  for (size_t i = 0; (i + 1) * encoded.width <= encoded.values.size(); ++i) {
    const float* const vector = encoded.values.data() + i * encoded.width;
    body +=
        std::string(i > 0 ? "," : "") + R"({"object":"embedding","index":)" + std::to_string(i) + R"(,"embedding":)";
    if (is_base64) {
      body += '"' + inference::to_base64({vector, encoded.width}) + '"';
    } else {
      append_vector(body, vector, encoded.width);
    }
    body += '}';
  }
  const std::string tokens = std::to_string(encoded.prompt_tokens);
  body += R"(],"model":)" + to_json(json::string(model)) + R"(,"id":)" + to_json(json::string(id));
  if (names_numerics) body += R"(,"numerics_class":)" + to_json(json::string(encoded.numerics_class));
  return body + R"(,"usage":{"prompt_tokens":)" + tokens + R"(,"total_tokens":)" + tokens + "}}";
}

std::string render_ranking(const Encoded& encoded, const RankCall& call, const std::string& model,
                           const std::string& id) {
  json::array results;
  for (const Ranked& one : ranked(encoded, call)) {
    json::object result{{"index", one.index}, {"relevance_score", one.score}};
    if (call.returns_documents) result["document"] = json::object{{"text", call.documents[one.index]}};
    results.push_back(std::move(result));
  }
  return to_json(
      json::object{{"object", "list"},
                   {"results", std::move(results)},
                   {"model", model},
                   {"id", id},
                   {"usage", {{"prompt_tokens", encoded.prompt_tokens}, {"total_tokens", encoded.prompt_tokens}}}});
}

}  // namespace

void embeddings(const Services& services, const ExchangePtr& exchange) {
  auto call = parse_embeddings(exchange->request().body);
  if (!call.ok()) return refuse(exchange, call.error());
  auto model = services.models->find(call->model, ModelKind::kVectors);
  if (!model.ok()) return refuse(exchange, model.error());
  const inference::EncoderModel& encoder = *(*model)->encoder;
  const Status fits = check_dimensions(encoder, *call, "dimensions");
  if (!fits.ok()) return refuse(exchange, fits.error());
  auto input = prepare_embeddings(encoder, *call, "input");
  if (!input.ok()) return refuse(exchange, input.error());
  const std::string id = exchange->request().request_id;
  EncodeOptions options{
      .operation = "embeddings", .ignored = call->ignored, .degraded = call->degraded, .render = {}, .refuse = {}};
  options.render = [name = (*model)->name, id, dimensions = call->dimensions, is_base64 = call->is_base64,
                    names_numerics = call->is_fast.has_value(),
                    normalises = encoder.config().normalises](const Encoded& encoded) {
    const Encoded whole = shortened(encoded, dimensions, normalises);
    return http::Response::json(200, render_embeddings(whole, name, id, is_base64, names_numerics));
  };
  options.refuse = [id](const Error& error) { return error_response(error, id); };
  answer_encoded(exchange, services, *model, std::move(*input), std::move(options));
}

void reranks(const Services& services, const ExchangePtr& exchange) {
  auto call = parse_reranks(exchange->request().body);
  if (!call.ok()) return refuse(exchange, call.error());
  auto model = services.models->find(call->model, ModelKind::kScores);
  if (!model.ok()) return refuse(exchange, model.error());
  const Status takes = check_instruction(*(*model)->encoder, call->instruct, "instruct");
  if (!takes.ok()) return refuse(exchange, takes.error());
  auto input = prepare_ranking(*(*model)->encoder, *call, "");
  if (!input.ok()) return refuse(exchange, input.error());
  const std::string id = exchange->request().request_id;
  EncodeOptions options{
      .operation = "reranks", .ignored = call->ignored, .degraded = call->degraded, .render = {}, .refuse = {}};
  options.refuse = [id](const Error& error) { return error_response(error, id); };
  options.render = [call = std::move(*call), name = (*model)->name, id](const Encoded& encoded) {
    return http::Response::json(200, render_ranking(encoded, call, name, id));
  };
  answer_encoded(exchange, services, *model, std::move(*input), std::move(options));
}

}  // namespace studio::api::openai
