#include "api/dashscope/encoder_routes.h"

#include <boost/json.hpp>
#include <utility>

#include "api/dashscope/errors.h"
#include "api/dashscope/parse.h"
#include "api/dashscope/routes.h"
#include "api/serving/encode.h"
#include "base/json.h"

namespace studio::api::dashscope {
namespace {

namespace json = boost::json;
using inference::Encoded;
using ExchangePtr = std::shared_ptr<http::Exchange>;

void refuse(const ExchangePtr& exchange, const Error& error) {
  exchange->respond(error_response(error, exchange->request().request_id));
}

std::string ending(const Encoded& encoded, const std::string& request_id) {
  return R"(,"usage":{"total_tokens":)" + std::to_string(encoded.prompt_tokens) + R"(},"request_id":)" +
         to_json(json::string(request_id)) + "}";
}

// Written by hand: of the megabytes of a large answer all but a few bytes are numbers.
std::string render_embedding(const Encoded& encoded, const std::string& request_id) {
  std::string body = R"({"output":{"embeddings":[)";
  for (size_t i = 0; (i + 1) * encoded.width <= encoded.values.size(); ++i) {
    body += std::string(i > 0 ? "," : "") + R"({"text_index":)" + std::to_string(i) + R"(,"embedding":)";
    append_vector(body, encoded.values.data() + i * encoded.width, encoded.width);
    body += '}';
  }
  return body + "]}" + ending(encoded, request_id);
}

std::string render_vector(const Encoded& encoded, const std::string&) {
  std::string body;
  append_vector(body, encoded.values.data(), encoded.width);
  return body;
}

std::string render_rerank(const Encoded& encoded, const RankCall& call, const std::string& request_id) {
  json::array results;
  for (const Ranked& one : ranked(encoded, call)) {
    json::object result{{"index", one.index}, {"relevance_score", one.score}};
    if (call.returns_documents) result["document"] = json::object{{"text", call.documents[one.index]}};
    results.push_back(std::move(result));
  }
  return R"({"output":)" + to_json(json::object{{"results", std::move(results)}}) + ending(encoded, request_id);
}

using RenderEmbedding = std::string (*)(const Encoded&, const std::string& request_id);

void embed(const Services& services, const ExchangePtr& exchange, RenderEmbedding render) {
  auto call = parse_embedding(exchange->request().body);
  if (!call.ok()) return refuse(exchange, call.error());
  auto model = services.models->find(call->model, ModelKind::kVectors);
  if (!model.ok()) return refuse(exchange, model.error());
  const inference::EncoderModel& encoder = *(*model)->encoder;
  const engine::EncoderConfig& config = encoder.config();
  const Status fits = check_dimensions(encoder, *call, "parameters.dimension");
  if (!fits.ok()) return refuse(exchange, fits.error());
  const Status takes = check_instruction(encoder, call->instruct, "parameters.instruct");
  if (!takes.ok()) return refuse(exchange, takes.error());
  auto input = prepare_embeddings(encoder, *call, "input.texts",
                                  call->is_query ? encoder.query_prompt(call->instruct) : config.document_prompt);
  if (!input.ok()) return refuse(exchange, input.error());
  const std::string id = exchange->request().request_id;
  EncodeOptions options{
      .operation = "text-embedding", .ignored = call->ignored, .degraded = call->degraded, .render = {}, .refuse = {}};
  options.refuse = [id](const Error& error) { return error_response(error, id); };
  options.render = [id, render, dimensions = call->dimensions, normalises = config.normalises](const Encoded& encoded) {
    return http::Response::json(200, render(shortened(encoded, dimensions, normalises), id));
  };
  answer_encoded(exchange, services, *model, std::move(*input), std::move(options));
}

}  // namespace

void text_embedding(const Services& services, const ExchangePtr& exchange) {
  if (const auto error = check_head(exchange->request())) return refuse(exchange, *error);
  embed(services, exchange, render_embedding);
}

void embed_text_of_task(const Services& services, const ExchangePtr& exchange) {
  embed(services, exchange, render_vector);
}

void text_rerank(const Services& services, const ExchangePtr& exchange) {
  if (const auto error = check_head(exchange->request())) return refuse(exchange, *error);
  auto call = parse_rerank(exchange->request().body);
  if (!call.ok()) return refuse(exchange, call.error());
  auto model = services.models->find(call->model, ModelKind::kScores);
  if (!model.ok()) return refuse(exchange, model.error());
  const Status takes = check_instruction(*(*model)->encoder, call->instruct, "parameters.instruct");
  if (!takes.ok()) return refuse(exchange, takes.error());
  auto input = prepare_ranking(*(*model)->encoder, *call, "input.");
  if (!input.ok()) return refuse(exchange, input.error());
  const std::string id = exchange->request().request_id;
  EncodeOptions options{
      .operation = "text-rerank", .ignored = call->ignored, .degraded = call->degraded, .render = {}, .refuse = {}};
  options.refuse = [id](const Error& error) { return error_response(error, id); };
  options.render = [call = std::move(*call), id](const Encoded& encoded) {
    return http::Response::json(200, render_rerank(encoded, call, id));
  };
  answer_encoded(exchange, services, *model, std::move(*input), std::move(options));
}

}  // namespace studio::api::dashscope
