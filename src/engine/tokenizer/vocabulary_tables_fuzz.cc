// Any bytes as tables of a vocabulary: refused with a reason, or tables whose answers are tokens of theirs. The input
// is a list of changes to tables that are right, (place u32, bytes u8 n, n bytes), under a right checksum; where its
// first byte is odd it is the whole block.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tokenizer/unicode_classes.h"
#include "engine/tokenizer/vocabulary_builder.h"

namespace {

using namespace studio;
using namespace studio::engine;

constexpr std::string_view kText = "the thing, w\u00f6rld 42\n<|im_end|>\t\u4f60\u597d \xff don't";
const Sha256Digest kDigest = {1, 2, 3};

void check(bool holds) {
  if (!holds) std::abort();
}

// Bytes that are printable, a few merges of them, an added token.
std::vector<uint8_t> right_block() {
  std::vector<std::string> texts;
  texts.reserve(200);
  TokenizerData data;
  for (char c = 0x21; c < 0x7F; ++c) data.tokens.push_back(texts.emplace_back(1, c));
  data.tokens.push_back("\u0120");  // a space
  for (const auto& [left, right] :
       {std::pair("t", "h"), std::pair("th", "e"), std::pair("i", "n"), std::pair("in", "g")}) {
    data.merges.push_back(texts.emplace_back(std::string(left) + " " + right));
    data.tokens.push_back(texts.emplace_back(std::string(left) + right));
  }
  data.added.push_back({static_cast<TokenId>(data.tokens.size()), "<|im_end|>", true});
  const auto tables = build_tables(data, kDigest);
  check(tables.ok());
  return {tables->block().begin(), tables->block().end()};
}

TableMemory changed_block(const uint8_t* data, size_t size) {
  static const std::vector<uint8_t> right = right_block();
  TableMemory block(right.size());
  std::copy(right.begin(), right.end(), block.bytes().begin());
  for (size_t at = 0; at + 5 <= size;) {
    uint32_t place;
    std::memcpy(&place, data + at, sizeof place);
    const size_t from = place % right.size();
    const size_t count = std::min({size_t{data[at + 4]}, size - at - 5, right.size() - from});
    std::memcpy(block.bytes().data() + from, data + at + 5, count);
    at += 5 + count;
  }
  VocabularyTables::seal(block.bytes());
  return block;
}

TableMemory whole_block(const uint8_t* data, size_t size) {
  TableMemory block(size);
  if (size > 0) std::memcpy(block.bytes().data(), data, size);
  return block;
}

void look_everywhere(const VocabularyTables& tables) {
  const auto is_there = [&](TokenId id) { return id >= 0 && static_cast<size_t>(id) < tables.token_count(); };
  size_t bytes = 0;
  for (size_t id = 0; id < tables.token_count(); ++id) {
    for (const char c : tables.token_bytes(id)) bytes += static_cast<size_t>(c == '#');
    bytes += tables.kind(id);
  }
  check(bytes <= tables.block().size() + 255 * tables.token_count());
  for (const TokenId id : tables.added()) check(is_there(id) && !tables.token_bytes(static_cast<size_t>(id)).empty());
  std::vector<TokenId> ids;
  tables.merges().encode(kText, ids);
  tables.merges().encode(std::string(300, 't'), ids);
  for (size_t begin = 0; begin < kText.size(); ++begin) {
    const std::string_view word = kText.substr(begin, WordKey::kMaxBytes);
    for (size_t n = 1; n <= word.size(); ++n) {
      if (const TokenId id = tables.words().find(WordKey::of(word.substr(0, n))); id >= 0) ids.push_back(id);
    }
    if (begin > 0)
      (void)tables.seams().between(decode_utf8(kText, begin - 1).value, kText.data() + begin,
                                   decode_utf8(kText, begin).value);
  }
  for (const TokenId id : ids) check(is_there(id));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const bool is_whole = data[0] % 2 == 1;
  const auto tables =
      VocabularyTables::parse(is_whole ? whole_block(data + 1, size - 1) : changed_block(data + 1, size - 1), kDigest);
  if (tables.ok()) {
    look_everywhere(*tables);
  } else {
    check(!tables.error().message().empty());
  }
  return 0;
}
