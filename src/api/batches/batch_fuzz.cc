// What a batch reads: the body that makes one, a line of its file, an answer that goes into a line of its output, the
// parameters of its list. The first byte chooses which.
#include <boost/json.hpp>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "api/batches/input_check.h"
#include "api/batches/output_lines.h"
#include "api/files/list_query.h"
#include "api/files/times.h"
#include "api/openai/batch_wire.h"
#include "base/json.h"
#include "base/json_mutator.h"

namespace {

namespace json = boost::json;
using namespace studio;
using namespace studio::api;

constexpr const char* kUrl = "/v1/chat/completions";
// A body stands one deeper there than in a line of the input.
constexpr JsonLimits kOfOutput{.depth = JsonLimits{}.depth + 1};

void check(bool holds) {
  if (!holds) std::abort();
}

void create(std::string_view body) {
  const auto call = openai::parse_batch(body);
  if (!call.ok()) return check(!call.error().message().empty());
  check(!call->input_file_id.empty() && call->window_seconds >= openai::kMinWindowHours * 3600 &&
        call->window_seconds <= openai::kMaxWindowHours * 3600);
  if (!call->metadata.empty()) check(parse_json(call->metadata).value().is_object());
  const store::Batch batch{.batch_id = "batch_1", .endpoint = call->endpoint, .metadata = call->metadata};
  check(parse_json(to_json(openai::batch_object(batch))).ok());
}

// A line that was read is the request that its own JSON says, and what is made of it is one line of JSON again.
void line(std::string_view text) {
  const auto request = batches::read_line({1, std::string(text)}, kUrl);
  if (!request.ok()) return check(!request.error().message().empty());
  const json::value whole = parse_json(text).value();
  check(whole.at("custom_id").as_string() == request->custom_id && whole.at("url").as_string() == kUrl);
  check(parse_json(request->body).value() == whole.at("body") &&
        whole.at("body").at("model") == json::value(request->model));
  for (const int status : {200, 400}) {
    const std::string out = batches::answered_line("r", request->custom_id, status, request->body);
    check(out.find('\n') == std::string::npos);
    const json::value told = parse_json(out, kOfOutput).value();
    check(told.at("custom_id") == json::value(request->custom_id) && told.at("error").is_null() == (status == 200));
  }
}

void list(std::string_view text) {
  const auto query = ListQuery::parse(text, {"after", "limit", "create_after", "status"});
  if (!query.ok()) return;
  if (auto number = query->number("limit", 1, 100, 20); number.ok()) check(*number >= 1 && *number <= 100);
  if (auto words = query->words("status", 8); words.ok()) check(words->size() <= 8);
  if (auto time = query->time("create_after"); time.ok() && *time) {
    check(parse_beijing_time(beijing_time(**time)) == **time);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  constexpr void (*kTargets[])(std::string_view) = {create, line, list};
  kTargets[data[0] % 3](text);
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return studio::fuzz::mutate_as<studio::fuzz::JsonMutator>(data, size, max_size, seed, 1);
}
