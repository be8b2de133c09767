// Any text as the tokenizer.json of an encoder, and any bytes as a text for it: refused with a reason, or ids of its
// own. Input: the JSON, then, after a byte FF, which no UTF-8 holds, the text.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/json_mutator.h"
#include "engine/tokenizer/wordpiece.h"

namespace {

using namespace studio;
using namespace studio::engine;

constexpr char kBetween = '\xff';
constexpr std::string_view kText = "Hello, w\u00f6RLD 42\n[SEP]\t\u4f60\u597d \xff don't \u0301\u0130";

void check(bool holds) {
  if (!holds) std::abort();
}

void encode(const WordPiece& pieces, std::string_view text) {
  const auto ids = pieces.encode(text);
  for (const TokenId id : ids) check(id >= 0 && id < pieces.vocab_size() && !pieces.token(id).empty());
  check(ids.size() <= text.size());
  // A space parts words, whatever stands around it.
  auto twice = ids;
  twice.insert(twice.end(), ids.begin(), ids.end());
  check(pieces.encode(std::string(text) + " " + std::string(text)) == twice);
  const auto whole = pieces.encode_for_model(text);
  for (const TokenId id : whole) check(id >= 0 && id < pieces.vocab_size());
  check(std::search(whole.begin(), whole.end(), ids.begin(), ids.end()) != whole.end() || ids.empty());
}

// The document changes and stays one; the text after it stays.
class VocabularyMutator {
 public:
  explicit VocabularyMutator(unsigned seed) : json_(seed) {}

  std::string mutate(std::string_view input) {
    const size_t end = std::min(input.find(kBetween), input.size());
    const std::string changed = json_.mutate(input.substr(0, end));
    return changed.empty() ? changed : changed + std::string(input.substr(end));
  }

 private:
  fuzz::JsonMutator json_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t end = std::min(input.find(kBetween), input.size());
  auto made = WordPiece::from_json(input.substr(0, end));
  if (!made.ok()) {
    check(!made.error().message().empty());
    return 0;
  }
  encode(**made, kText);
  encode(**made, input.substr(std::min(end + 1, size)));
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return studio::fuzz::mutate_as<VocabularyMutator>(data, size, max_size, seed);
}
