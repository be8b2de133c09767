// studio conform: replays what real clients asked for against a running server.
//
// A behaviour is one test of one client's suite, and passes where every request of it ends as it did when it was
// recorded: status, type, the error's code, the stream's end. It is refused by design where that end is a refusal by
// name of what the server does not build.
#include <algorithm>
#include <boost/json.hpp>

#include "base/json.h"
#include "cli/command.h"
#include "cli/exchange.h"
#include "cli/recordings.h"

namespace studio::cli {
namespace {

namespace json = boost::json;

constexpr size_t kMaxAnswerBytes = 64 << 20;  // the server's own limit for one
constexpr long kAnswerMs = 600'000;           // a slow machine's longest recorded answer, many times over
constexpr const char* kRecordings = "conformance/recordings";

enum class Verdict { kPass, kRefused, kFail };

const char* word_for(Verdict verdict) {
  switch (verdict) {
    case Verdict::kPass:
      return "pass";
    case Verdict::kRefused:
      return "refused by design";
    case Verdict::kFail:
      break;
  }
  return "fail";
}

struct Behaviour {
  std::string name;
  Verdict verdict = Verdict::kPass;
  std::string problem;
};

struct Replay {
  std::string url, key, model;
};

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// How a stream of each dialect says that it is whole.
bool has_end(std::string_view type, std::string_view answer) {
  if (has(type, "ndjson")) return has(answer, "\"done\":true");
  for (const std::string_view end : {"[DONE]", "message_stop", "event:error", "event: error"}) {
    if (has(answer, end)) return true;
  }
  const size_t finish = answer.rfind("\"finish_reason\":\"");  // DashScope's says "null" until the end
  return finish != std::string_view::npos && !answer.substr(finish).starts_with("\"finish_reason\":\"null\"");
}

bool is_refused_by_design(std::string_view answer) {
  return has(answer, "is not supported") || has(answer, "are not supported") || has(answer, "by this version") ||
         has(answer, "is not a field of this request");
}

Exchange to_exchange(const RecordedRequest& request, const Replay& replay, std::string body) {
  Exchange exchange;
  exchange.url = replay.url + request.path;
  exchange.body = std::move(body);
  exchange.method = request.method;
  exchange.fields = request.fields;
  exchange.timeout_ms = kAnswerMs;
  if (request.auth == "bearer") exchange.key = replay.key;
  if (request.auth == "wrong") exchange.key = "sk-wrong";
  if (request.auth == "x-api-key") exchange.fields.push_back("x-api-key: " + replay.key);
  return exchange;
}

// Empty, or what is not as it was. `is_refused` tells a refusal by name.
Result<std::string> ask(const RecordedRequest& request, const Replay& replay, bool& is_refused) {
  STUDIO_TRY(std::string body, body_of(request, replay.model));
  Exchange exchange = to_exchange(request, replay, std::move(body));
  std::string answer;
  exchange.on_body = [&](std::string_view bytes, long) {
    answer += bytes;
    return !request.is_cut && answer.size() <= kMaxAnswerBytes;
  };
  const Status ended = exchange.run();
  if (!ended.ok() && exchange.status == 0) return ended.error();
  const std::string place = request.method + " " + request.path + ": ";
  if (exchange.status != request.status) {
    return place + "status " + std::to_string(exchange.status) + ", not " + std::to_string(request.status) + ": " +
           answer.substr(0, 160);
  }
  if (request.is_cut) return std::string();
  // A body that is too long is refused before all of it is read, which a client may see as a broken connection.
  if (!ended.ok() && request.status < 400) return place + ended.error().message();
  if (request.status >= 400) is_refused = is_refused || (request.status == 400 && is_refused_by_design(answer));
  if (!request.code.empty() && !has(answer, "\"" + request.code + "\"")) {
    return place + "not the code " + request.code + ": " + answer.substr(0, 160);
  }
  if (request.has_end && !has_end(request.type, answer)) return place + "the stream has no end";
  return std::string();
}

Result<std::vector<Behaviour>> replay_client(const Recording& recording, const Replay& replay) {
  std::vector<Behaviour> behaviours;
  for (const RecordedRequest& request : recording.requests) {
    auto known = std::find_if(behaviours.begin(), behaviours.end(),
                              [&](const Behaviour& behaviour) { return behaviour.name == request.test; });
    if (known == behaviours.end()) known = behaviours.insert(known, {.name = request.test, .problem = {}});
    bool is_refused = false;
    STUDIO_TRY(std::string problem, ask(request, replay, is_refused));
    if (!problem.empty() && known->verdict != Verdict::kFail) {
      known->verdict = Verdict::kFail;
      known->problem = std::move(problem);
    }
    if (is_refused && known->verdict == Verdict::kPass) known->verdict = Verdict::kRefused;
  }
  return behaviours;
}

// The first that the server lists.
Result<std::string> served_model(const Replay& replay) {
  std::string answer;
  Exchange exchange;
  exchange.url = replay.url + "/v1/models";
  exchange.key = replay.key;
  exchange.timeout_ms = kAnswerMs;
  exchange.on_body = [&](std::string_view bytes, long) {
    answer += bytes;
    return answer.size() <= kMaxAnswerBytes;
  };
  STUDIO_CHECK_OK(exchange.run());
  if (exchange.status == 401) return Error(Code::kUnauthenticated, "the server does not take this key; give --key KEY");
  auto value = parse_json(answer);
  const json::object* list = value.ok() ? value->if_object() : nullptr;
  const json::value* data = list ? list->if_contains("data") : nullptr;
  if (!data || !data->is_array() || data->get_array().empty() || !data->get_array()[0].is_object()) {
    return Error(Code::kFailedPrecondition, replay.url + "/v1/models lists no model");
  }
  const json::value* id = data->get_array()[0].get_object().if_contains("id");
  if (!id || !id->is_string()) return Error(Code::kFailedPrecondition, replay.url + "/v1/models names no model");
  return std::string(id->get_string());
}

class ConformCommand final : public Command {
 public:
  std::string name() const override { return "conform"; }
  std::string summary() const override { return "Replay what real clients ask for against a running server"; }
  std::string example() const override { return "studio conform http://127.0.0.1:8080 --key KEY"; }
  bool needs_settings() const override { return false; }
  void declare(Arguments& arguments) override {
    arguments.positional(&replay_.url, "URL", "of the server, without a path", true);
    arguments.option(&replay_.key, "--key", "KEY", "of the server");
    arguments.option(&folder_, "--recordings", "DIR", "recordings of clients (conformance/recordings)");
    arguments.option(&client_, "--client", "NAME", "of this client alone");
  }

  Result<int> run(Context& context) override {
    STUDIO_TRY(auto recordings, read_recordings(folder_));
    while (replay_.url.ends_with('/')) replay_.url.pop_back();
    STUDIO_TRY(replay_.model, served_model(replay_));
    json::array clients;
    std::vector<std::vector<std::string>> rows = {{"CLIENT", "PASS", "REFUSED", "FAIL"}};
    size_t failed = 0;
    for (const Recording& recording : recordings) {
      if (!client_.empty() && recording.client != client_) continue;
      STUDIO_TRY(auto behaviours, replay_client(recording, replay_));
      rows.push_back(row_of(recording.client, behaviours));
      clients.push_back(to_object(recording.client, behaviours));
      for (const Behaviour& behaviour : behaviours) {
        if (behaviour.verdict != Verdict::kFail) continue;
        ++failed;
        context.output.note(recording.client + " " + behaviour.name + ": " + behaviour.problem);
      }
    }
    if (context.output.is_json()) {
      context.output.print_json(json::object{{"model", replay_.model}, {"clients", std::move(clients)}});
    } else {
      context.output.print(table(rows, {1, 2, 3}));
    }
    return failed > 0 ? 1 : 0;
  }

 private:
  static std::vector<std::string> row_of(const std::string& client, const std::vector<Behaviour>& behaviours) {
    const auto count = [&](Verdict verdict) {
      return std::to_string(std::count_if(behaviours.begin(), behaviours.end(),
                                          [&](const Behaviour& each) { return each.verdict == verdict; }));
    };
    return {client, count(Verdict::kPass), count(Verdict::kRefused), count(Verdict::kFail)};
  }

  static json::object to_object(const std::string& client, const std::vector<Behaviour>& behaviours) {
    json::array list;
    for (const Behaviour& behaviour : behaviours) {
      json::object object{{"name", behaviour.name}, {"verdict", word_for(behaviour.verdict)}};
      if (!behaviour.problem.empty()) object["problem"] = behaviour.problem;
      list.push_back(std::move(object));
    }
    return {{"client", client}, {"behaviours", std::move(list)}};
  }

  Replay replay_;
  std::string folder_ = kRecordings, client_;
};

}  // namespace

std::unique_ptr<Command> make_conform_command() {
  return std::make_unique<ConformCommand>();
}

}  // namespace studio::cli
