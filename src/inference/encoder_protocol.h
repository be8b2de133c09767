// The part of the token protocol that an encoder's worker speaks: POST /v1/embeddings, ids in, base64 of f32 out. See
// docs/formats/token_protocol.md. Errors, model and counters are those of token_protocol.h.
//
// Decoders trust nothing. Pure functions: any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "inference/encoder_request.h"

namespace studio::inference {

// 4,096 vectors of 8,192 numbers, in base64, are what an answer can hold at most.
inline constexpr size_t kMaxEncodedBytes = size_t{192} << 20;

std::string encode_encode_request(const EncodeRequest& request);
// The deadline is counted from now. Errors: invalid_argument naming the field. That ids are below the vocabulary's size
// is the encoder's to check.
Result<EncodeRequest> decode_encode_request(std::string_view json);

std::string encode_encoded(const Encoded& encoded);
// `texts` is how many were sent. Errors: corrupt_data, also where a number is not finite or there are not as many
// vectors, all of one length.
Result<Encoded> decode_encoded(std::string_view json, size_t texts);

}  // namespace studio::inference
