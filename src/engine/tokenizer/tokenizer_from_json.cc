// The vocabulary of a Hugging Face tokenizer.json (engine/formats/hf_tokenizer.h) as a tokenizer by itself.
#include <string>
#include <utility>

#include "engine/formats/hf_tokenizer.h"
#include "engine/tokenizer/known_splits.h"
#include "engine/tokenizer/tokenizer.h"

namespace studio::engine {

Result<std::shared_ptr<const Tokenizer>> Tokenizer::from_json(std::string_view text) {
  STUDIO_TRY(auto read, HfTokenizer::parse(text));
  STUDIO_TRY(const KnownSplit* split, find_split(read.split));
  TokenizerData data;
  data.tokens.assign(read.tokens.begin(), read.tokens.end());
  data.merges.assign(read.merges.begin(), read.merges.end());
  for (HfAddedToken& token : read.added) data.added.push_back({token.id, std::move(token.content), token.special});
  data.pattern = split->pattern;
  data.nfc = read.nfc;
  return build(data);
}

}  // namespace studio::engine
