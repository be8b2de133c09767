// One response as it is kept: what was asked of it, the pieces that its answer came in, how it ended.
//
// The pieces are the truth: the wire's output items and every event of its stream follow from them (render.h,
// events.h), so a stream is told again byte for byte, whenever and by whichever process. Plain values.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "inference/generation.h"

namespace studio::api::responses {

// These words are the wire's, and reach the disk.
enum class State { kQueued, kInProgress, kCompleted, kIncomplete, kFailed, kCancelled };
const char* state_name(State state);
bool is_final(State state);

// Why one failed, in the wire's few codes.
struct Failure {
  std::string code;
  std::string message;
};
Failure failure_of(const Error& error);

struct Piece {
  enum class Kind { kText, kReasoning, kCall };
  Kind kind = Kind::kText;
  std::string text;                     // of a call: of its arguments
  boost::json::array logprobs = {};     // text: of its tokens, as the wire has them, where they were asked for
  std::string call_id = {}, name = {};  // the first piece of a call: which begins with it
};

struct Record {
  std::string id;          // "resp_<uuid>"
  int64_t created_at = 0;  // Unix seconds
  std::string model;       // the served name
  // The fields of the request that its response repeats, as the wire has them.
  boost::json::object echo = {};
  bool is_background = false;
  bool has_logprobs = false;

  State state = State::kInProgress;
  std::vector<Piece> pieces = {};
  boost::json::array held_logprobs = {};  // of tokens whose text has not come yet; not kept
  std::optional<Failure> failure = {};
  inference::GenerationUsage usage = {};
  int64_t completed_at = 0;  // Unix seconds; 0 until it has ended
};

// Of the request that makes it: who sends that again is told the same one.
std::string response_id_of(std::string_view request_id);
std::string request_id_of(std::string_view response_id);
// Of the items that a response gives: made of its own id, so that who runs it again makes the same.
std::string reasoning_id(std::string_view response_id);
std::string message_id(std::string_view response_id);
std::string call_item_id(std::string_view response_id, size_t number);  // of the calls of one response, from 0
// The response that gave an item, or "" where no response can have.
std::string response_of_item(std::string_view item_id);

void add_delta(const inference::ChoiceDelta& delta, Record& record);
// As it was before anything of it was made.
Record as_begun(const Record& record);
// How the generation ended, into the record. `was_cancelled`: somebody asked for its end.
void end_record(const inference::GenerationEnd& end, Record& record);
void fail_record(Failure failure, State state, Record& record);

std::string to_stored(const Record& record);
// Errors: corrupt_data.
Result<Record> from_stored(std::string_view id, int64_t created_at, std::string_view stored);

int64_t now_seconds();

}  // namespace studio::api::responses
