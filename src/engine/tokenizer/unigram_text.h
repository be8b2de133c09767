// What a tokenizer.json has done to a text before its unigram: the steps of its normalizer, then the words that are cut
// by themselves. As Hugging Face `tokenizers` does each.
// Immutable: any thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/formats/hf_unigram.h"
#include "engine/tokenizer/character_map.h"

namespace studio::engine {

class UnigramText {
 public:
  // Errors: those of CharacterMap; internal when the library has no rules for where characters end.
  static Result<std::shared_ptr<const UnigramText>> make(HfUnigram& data);

  std::string normalised(std::string_view text) const;
  // Each word with the mark U+2581 where a space was, in order.
  void for_words(std::string_view text, const std::function<void(std::string_view)>& take) const;

 private:
  class Clusters;
  struct Step {
    HfTextStep rule;
    CharacterMap characters;  // of kCharacters
  };

  UnigramText() = default;
  std::string with_characters(const CharacterMap& map, const std::string& text) const;
  void mark(std::string_view word, const std::function<void(std::string_view)>& take) const;

  std::vector<Step> steps_;
  bool splits_at_space_ = false, marks_beginning_ = true, splits_at_mark_ = true;
  std::shared_ptr<const Clusters> clusters_;
};

}  // namespace studio::engine
