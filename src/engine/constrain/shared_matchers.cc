#include "engine/constrain/shared_matchers.h"

namespace studio::engine::constrain {

std::shared_ptr<const Vocabulary> Vocabulary::of(std::span<const std::string_view> tokens,
                                                 std::span<const TokenId> ends, TextCuts::Encode encode) {
  auto made = std::make_shared<Vocabulary>();
  made->tokens = std::make_shared<const TokenTrie>(tokens, ends);
  made->cuts = std::make_shared<TextCuts>(std::move(encode));
  made->cuts->cut("{\n  \"a\": ");  // the first time takes milliseconds, which no step should wait for
  TokenMask most(tokens.size());
  for (TokenId id = 0; static_cast<size_t>(id) < tokens.size(); ++id) {
    if (!made->tokens->is_end(id)) most.allow(id);
  }
  made->all_but_ends.assign(most.words().begin(), most.words().end());
  return made;
}

}  // namespace studio::engine::constrain
