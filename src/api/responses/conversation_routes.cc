// Conversations and their items: made, read, changed and deleted.
#include <boost/json.hpp>
#include <chrono>

#include "api/openai/kept_wording.h"
#include "api/responses/answers.h"
#include "api/responses/items.h"
#include "api/responses/parse.h"
#include "api/responses/query.h"
#include "api/responses/routes.h"
#include "api/serving/degraded.h"
#include "api/serving/serve_kept.h"
#include "base/json.h"

namespace studio::api::responses {
namespace {

namespace json = boost::json;

const std::string kConversation = "conv_";  // before the id of the request that made it

int64_t now_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

const std::string& id_asked(const ExchangePtr& exchange) {
  return exchange->request().path_parameter("id");
}

const std::string& key_of(const ExchangePtr& exchange) {
  return exchange->request().principal;
}

Result<json::object> conversation_object(const store::Conversation& conversation) {
  STUDIO_TRY(json::value metadata, parse_json(conversation.metadata));
  return json::object{{"id", conversation.conversation_id},
                      {"object", "conversation"},
                      {"created_at", conversation.created_at_ms},
                      {"metadata", std::move(metadata)}};
}

// With what the call that it answers had beside what could be done.
void answer_marked(const ExchangePtr& exchange, const json::object& object, const ConversationCall& call) {
  http::Response response = http::Response::json(200, to_json(object));
  add_names("X-Studio-Ignored", call.ignored, response);
  mark_degraded(call.degraded, response);
  exchange->respond(std::move(response));
}

void answer_conversation(const ExchangePtr& exchange, const Result<store::Conversation>& conversation,
                         const ConversationCall& call = {}) {
  if (!conversation.ok()) return refuse(exchange, conversation.error());
  const auto object = conversation_object(*conversation);
  object.ok() ? answer_marked(exchange, *object, call) : refuse(exchange, object.error());
}

Result<store::Conversation> find_or_create(const Desk& desk, const http::Request& request, ConversationCall& call) {
  store::Conversations& conversations = desk.shelf->conversations();
  const store::Conversation conversation{.conversation_id = kConversation + request.request_id,
                                         .created_at_ms = now_ms(),
                                         .metadata = to_json(call.metadata)};
  if (is_made_again(desk.services.kept, request)) {
    auto made = conversations.find(request.principal, conversation.conversation_id);
    if (made.ok() || made.error().code() != Code::kNotFound) return made;
  }
  STUDIO_CHECK_OK(admit_object(desk.services.kept, request));
  give_ids(call.items);
  Status added = conversations.add(request.principal, conversation, stored_items(call.items));
  if (added.ok()) return conversation;
  withdraw_object(desk.services.kept, request);
  return added.error();
}

void make_conversation(const Desk& desk, const ExchangePtr& exchange) {
  auto call = parse_conversation(exchange->request().body);
  if (!call.ok()) return refuse(exchange, call.error());
  answer_conversation(exchange, find_or_create(desk, exchange->request(), *call), *call);
}

void create_conversation(const Desk& desk, const ExchangePtr& exchange) {
  if (!desk.services.kept) return make_conversation(desk, exchange);
  desk.services.kept->serve(exchange, openai::kKeptWording,
                            [&](const ExchangePtr& kept) { make_conversation(desk, kept); });
}

void show_conversation(const Desk& desk, const ExchangePtr& exchange) {
  answer_conversation(exchange, desk.shelf->conversations().find(key_of(exchange), id_asked(exchange)));
}

void update_conversation(const Desk& desk, const ExchangePtr& exchange) {
  const auto call = parse_metadata(exchange->request().body);
  if (!call.ok()) return refuse(exchange, call.error());
  answer_conversation(
      exchange, desk.shelf->conversations().set_metadata(key_of(exchange), id_asked(exchange), to_json(call->metadata)),
      *call);
}

void delete_conversation(const Desk& desk, const ExchangePtr& exchange) {
  Status removed = desk.shelf->conversations().remove(key_of(exchange), id_asked(exchange));
  if (!removed.ok()) return refuse(exchange, removed.error());
  if (desk.services.kept) desk.services.kept->drop(id_asked(exchange).substr(kConversation.size()));
  answer_json(exchange, {{"id", id_asked(exchange)}, {"object", "conversation.deleted"}, {"deleted", true}});
}

// Where the request came before, its items are there.
Status find_or_append(const Desk& desk, const http::Request& request, const json::array& items) {
  store::Conversations& conversations = desk.shelf->conversations();
  const std::string& conversation = request.path_parameter("id");
  if (is_made_again(desk.services.kept, request)) {
    const std::string first(id_of(items.front().get_object()));
    const auto made = conversations.find_item(request.principal, conversation, first);
    if (made.ok() || made.error().code() != Code::kNotFound) return made.ok() ? Status(Ok{}) : made.error();
  }
  STUDIO_CHECK_OK(admit_object(desk.services.kept, request));
  Status added = conversations.append(request.principal, conversation, stored_items(items));
  if (!added.ok()) withdraw_object(desk.services.kept, request);
  return added;
}

void make_items(const Desk& desk, const ExchangePtr& exchange) {
  auto call = parse_new_items(exchange->request().body);
  if (!call.ok()) return refuse(exchange, call.error());
  give_ids(call->items, exchange->request().request_id);
  Status added = find_or_append(desk, exchange->request(), call->items);
  if (!added.ok()) return refuse(exchange, added.error());
  answer_marked(exchange, list_object(std::move(call->items), false), *call);
}

void create_items(const Desk& desk, const ExchangePtr& exchange) {
  if (!desk.services.kept) return make_items(desk, exchange);
  desk.services.kept->serve(exchange, openai::kKeptWording, [&](const ExchangePtr& kept) { make_items(desk, kept); });
}

void list_items(const Desk& desk, const ExchangePtr& exchange) {
  const auto query = parse_page(exchange->request().query);
  if (!query.ok()) return refuse(exchange, query.error());
  const auto page = desk.shelf->conversations().list(
      key_of(exchange), id_asked(exchange),
      {.after = query->after, .limit = query->limit, .is_ascending = query->is_ascending});
  if (!page.ok()) return refuse(exchange, page.error());
  json::array items;
  for (const auto& stored : page->items) {
    auto item = item_of(stored);
    if (!item.ok()) return refuse(exchange, item.error());
    items.push_back(std::move(*item));
  }
  answer_json(exchange, list_object(std::move(items), page->has_more));
}

void show_item(const Desk& desk, const ExchangePtr& exchange) {
  const auto stored = desk.shelf->conversations().find_item(key_of(exchange), id_asked(exchange),
                                                            exchange->request().path_parameter("item"));
  if (!stored.ok()) return refuse(exchange, stored.error());
  const auto item = item_of(*stored);
  item.ok() ? answer_json(exchange, *item) : refuse(exchange, item.error());
}

// Answers with the conversation, as OpenAI's clients read it; the original answers with a note of the deletion.
void delete_item(const Desk& desk, const ExchangePtr& exchange) {
  store::Conversations& conversations = desk.shelf->conversations();
  Status removed =
      conversations.remove_item(key_of(exchange), id_asked(exchange), exchange->request().path_parameter("item"));
  if (!removed.ok()) return refuse(exchange, removed.error());
  answer_conversation(exchange, conversations.find(key_of(exchange), id_asked(exchange)));
}

}  // namespace

void add_conversation_routes(const Desk& desk, http::Router& router) {
  const auto add = [&](http::Method method, const std::string& path, size_t body_bytes, Function function) {
    add_at_doors(method, "/conversations" + path, body_bytes, function, desk, router);
  };
  add(http::Method::kPost, "", kMaxCallBytes, create_conversation);
  add(http::Method::kGet, "/{id}", 0, show_conversation);
  add(http::Method::kPost, "/{id}", kMaxCallBytes, update_conversation);
  add(http::Method::kDelete, "/{id}", 0, delete_conversation);
  add(http::Method::kPost, "/{id}/items", kMaxCallBytes, create_items);
  add(http::Method::kGet, "/{id}/items", 0, list_items);
  add(http::Method::kGet, "/{id}/items/{item}", 0, show_item);
  add(http::Method::kDelete, "/{id}/items/{item}", 0, delete_item);
}

}  // namespace studio::api::responses
