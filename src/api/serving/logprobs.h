// Log probabilities of tokens as several dialects have them.
#pragma once

#include <boost/json/array.hpp>
#include <string>
#include <vector>

#include "inference/generation.h"

namespace studio::api {

// A token may be part of a character: its text shows U+FFFD there, its bytes are exact.
std::string token_text(const std::string& bytes);

// [{"token","bytes","logprob","top_logprobs":[{"token","bytes","logprob"}]}]
boost::json::array token_logprobs(const std::vector<inference::TokenLogprob>& logprobs);

}  // namespace studio::api
