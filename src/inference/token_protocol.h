// The token protocol between gateway and worker, as JSON: see docs/formats/token_protocol.md.
//
// Both ends encode and decode here, so that they cannot drift apart. Decoders trust nothing: types, ranges and lengths
// are checked before a value is used. Pure functions: any thread.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "inference/model_client.h"

namespace studio::inference {

inline constexpr size_t kMaxProtocolBytes = 32 << 20;  // a prompt of 2^20 ids, ten digits and a comma each, and room
inline constexpr size_t kMaxPromptIds = 1 << 20;       // the longest context in public use
inline constexpr size_t kMaxStopIds = 64;
inline constexpr size_t kMaxForcedIds = 64;
inline constexpr size_t kMaxScoresPerFrame = 1024;  // tokens of a prompt: more than a step computes
inline constexpr size_t kMaxRequestIdBytes = 64;    // a UUID, '#' and a choice
inline constexpr size_t kMaxModelNameBytes = 512;   // what a file calls itself; longer ones are not told

inline constexpr size_t kAdapterDigestBytes = 64;  // SHA-256 in hex, which names an adapter
bool is_adapter_digest(std::string_view text);

// A worker tells its engine's counters this often to who listens at /pulse. Ten frames a second cost nothing that can
// be measured; a dead or stopped worker is noticed within a few of them.
inline constexpr std::chrono::milliseconds kPulseEvery{100};

std::string encode_request(const TokenRequest& request);
// The deadline is counted from now. Errors: invalid_argument naming the field. Ids are checked to be >= 0 here and
// below the vocabulary's size by the engine.
Result<TokenRequest> decode_request(std::string_view json);

// The first frame of an answer: the engine took the request.
struct Accepted {
  std::string numerics_class;
  std::string model_digest;
};
std::string encode_accepted(const std::string& request_id, const Accepted& accepted);
std::string encode_event(const std::string& request_id, const engine::TokenEvent& event);
std::string encode_error(const Error& error);  // body of an HTTP error, or a frame after the answer began

// One frame of an answer. Of an event's usage only what the frame carries is filled.
struct Frame {
  std::optional<Accepted> accepted;
  std::vector<engine::TokenEvent> events;
};
// Errors: corrupt_data; or, of an error frame, the worker's own error (an event with finish kError).
Result<Frame> decode_frame(std::string_view json);
Error decode_error(int http_status, std::string_view json);  // of an HTTP error answer

std::string encode_info(const engine::EngineInfo& info);
Result<engine::EngineInfo> decode_info(std::string_view json);
std::string encode_stats(const engine::EngineStats& stats);
Result<engine::EngineStats> decode_stats(std::string_view json);

}  // namespace studio::inference
