#include "api/responses/routes.h"

#include <algorithm>
#include <boost/json.hpp>

#include "api/kept/kept_answers.h"
#include "api/responses/answers.h"
#include "api/responses/create.h"
#include "api/responses/events.h"
#include "api/responses/items.h"
#include "api/responses/query.h"
#include "api/responses/render.h"
#include "api/serving/call_fields.h"
#include "http/sse.h"

namespace studio::api::responses {
namespace {

namespace json = boost::json;

constexpr const char* kDoors[] = {"/v1", "/compatible-mode/v1", "/api/v2/apps/protocols/compatible-mode/v1"};

Result<Kept> asked_for(const Desk& desk, const ExchangePtr& exchange) {
  return desk.shelf->find(exchange->request().principal, exchange->request().path_parameter("id"));
}

// How one stands that may be in the making.
Record as_it_stands(const Desk& desk, Kept& kept) {
  if (is_final(kept.record.state)) return std::move(kept.record);
  const auto running = desk.background->find(kept.record.id);
  return running ? running->head() : std::move(kept.record);
}

struct ShowQuery {
  bool is_stream = false;
  int64_t starting_after = -1;
};

Result<ShowQuery> parse_show(std::string_view text) {
  static constexpr std::string_view kNames[] = {"stream", "starting_after", "include", "include_obfuscation"};
  STUDIO_TRY(const Query query, Query::parse(text, kNames));
  ShowQuery show;
  STUDIO_TRY(show.is_stream, query.flag("stream"));
  STUDIO_TRY(show.starting_after, query.integer("starting_after", 0, INT64_MAX, -1));
  STUDIO_TRY(const bool obfuscates, query.flag("include_obfuscation"));
  if (obfuscates) {
    return Error(Code::kUnimplemented, "include_obfuscation is not supported by this version; leave it out.")
        .with_param("include_obfuscation");
  }
  if (show.starting_after >= 0 && !show.is_stream) {
    return Error(Code::kInvalidArgument, "starting_after is only allowed with stream=true.")
        .with_param("starting_after");
  }
  return show;
}

void stream_again(const Desk& desk, const ExchangePtr& exchange, Kept kept, int64_t starting_after) {
  if (!is_final(kept.record.state)) {
    if (const auto running = desk.background->find(kept.record.id)) {
      return running->attach(exchange, http::sse_head(), starting_after);
    }
    // It has ended between the two looks.
    auto ended = asked_for(desk, exchange);
    if (!ended.ok()) return refuse(exchange, ended.error());
    kept = std::move(*ended);
    if (!is_final(kept.record.state)) return refuse_for_now(exchange);
  }
  http::Response response = http::sse_head();
  response.body = replay(kept.record, starting_after);
  exchange->respond(std::move(response));
}

void show_response(const Desk& desk, const ExchangePtr& exchange) {
  const auto show = parse_show(exchange->request().query);
  if (!show.ok()) return refuse(exchange, show.error());
  auto kept = asked_for(desk, exchange);
  if (!kept.ok()) return refuse(exchange, kept.error());
  if (show->is_stream) return stream_again(desk, exchange, std::move(*kept), show->starting_after);
  answer_json(exchange, response_object(as_it_stands(desk, *kept)));
}

void delete_response(const Desk& desk, const ExchangePtr& exchange) {
  const std::string& id = exchange->request().path_parameter("id");
  Status removed = desk.shelf->remove(exchange->request().principal, id);
  if (!removed.ok()) return refuse(exchange, removed.error());
  desk.background->cancel(id);
  if (desk.services.kept) desk.services.kept->drop(request_id_of(id));
  answer_json(exchange, {{"id", id}, {"object", "response"}, {"deleted", true}});
}

void cancel_response(const Desk& desk, const ExchangePtr& exchange) {
  auto kept = asked_for(desk, exchange);
  if (!kept.ok()) return refuse(exchange, kept.error());
  if (!kept->record.is_background) {
    return refuse(exchange, Error(Code::kInvalidArgument,
                                  "Only a response with background: true can be cancelled; of others the connection "
                                  "is closed."));
  }
  const auto running = desk.background->find(kept->record.id);
  if (is_final(kept->record.state) || !running) return answer_json(exchange, response_object(kept->record));
  running->when_ended([exchange](const Record& ended) { answer_json(exchange, response_object(ended)); });
  desk.background->cancel(kept->record.id);
}

// A page of a list that is held whole.
Result<json::array> page_of(json::array items, const PageQuery& query, bool* has_more) {
  if (!query.is_ascending) std::reverse(items.begin(), items.end());
  auto first = items.begin();
  if (!query.after.empty()) {
    first = std::find_if(items.begin(), items.end(),
                         [&](const json::value& item) { return id_of(item.get_object()) == query.after; });
    if (first == items.end())
      return Error(Code::kNotFound, "There is no item of the id in `after`.").with_param("after");
    ++first;
  }
  const auto left = items.end() - first;
  *has_more = left > query.limit;
  return json::array(first, first + std::min<int64_t>(left, query.limit));
}

void list_input_items(const Desk& desk, const ExchangePtr& exchange) {
  const auto query = parse_page(exchange->request().query);
  if (!query.ok()) return refuse(exchange, query.error());
  auto kept = asked_for(desk, exchange);
  if (!kept.ok()) return refuse(exchange, kept.error());
  bool has_more = false;
  auto page = page_of(std::move(kept->input), *query, &has_more);
  if (!page.ok()) return refuse(exchange, page.error());
  answer_json(exchange, list_object(std::move(*page), has_more));
}

}  // namespace

void add_at_doors(http::Method method, const std::string& path, size_t body_bytes, Function function, const Desk& desk,
                  http::Router& router) {
  for (const char* door : kDoors) {
    router.add(http::Route(method, door + path, http::AuthClass::kKey, body_bytes,
                           [desk, function](ExchangePtr exchange) { function(desk, exchange); }));
  }
}

void add_routes(const Desk& desk, http::Router& router) {
  add_at_doors(http::Method::kPost, "/responses", kMaxCallBytes, create_response, desk, router);
  add_at_doors(http::Method::kPost, "/responses/input_tokens", kMaxCallBytes, count_input_tokens, desk, router);
  add_at_doors(http::Method::kGet, "/responses/{id}", 0, show_response, desk, router);
  add_at_doors(http::Method::kDelete, "/responses/{id}", 0, delete_response, desk, router);
  add_at_doors(http::Method::kPost, "/responses/{id}/cancel", kMaxCallBytes, cancel_response, desk, router);
  add_at_doors(http::Method::kGet, "/responses/{id}/input_items", 0, list_input_items, desk, router);
  add_conversation_routes(desk, router);
}

}  // namespace studio::api::responses
