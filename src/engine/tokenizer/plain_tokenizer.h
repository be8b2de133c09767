// The definition of a byte-level BPE, as slow as it is short: what tests, the fuzz target and the benchmark compare the
// tokenizer with. No cache, no seams, no quick splitter, and the whole text through the normaliser.
#pragma once

#include <unicode/normalizer2.h>
#include <unicode/stringpiece.h>
#include <unicode/uniset.h>

#include <array>
#include <climits>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/tokenizer/splitter.h"
#include "engine/tokenizer/tokenizer.h"

namespace studio::engine {

class PlainTokenizer {
 public:
  // `tokenizer` was built of `data`: what its tokens stand for is taken from it.
  PlainTokenizer(const TokenizerData& data, const Tokenizer& tokenizer) : pattern_(data.pattern), nfc_(data.nfc) {
    std::unordered_map<std::string, TokenId> id_of;
    bytes_.fill(-1);
    for (TokenId id = 0; id < static_cast<TokenId>(data.tokens.size()); ++id) {
      if (tokenizer.is_control(id)) continue;
      id_of.emplace(data.tokens[static_cast<size_t>(id)], id);
      const std::string_view bytes = tokenizer.token_bytes(id);
      if (bytes.size() == 1 && bytes_[static_cast<uint8_t>(bytes[0])] < 0) bytes_[static_cast<uint8_t>(bytes[0])] = id;
    }
    int rank = 0;
    for (const std::string_view merge : data.merges) {
      const size_t space = merge.find(' ');
      const std::string left(merge.substr(0, space)), right(merge.substr(space + 1));
      merges_.emplace(key(id_of.at(left), id_of.at(right)), Merge{rank++, id_of.at(left + right)});
    }
  }

  // A caller's text.
  std::vector<TokenId> encode(std::string_view text) const {
    const std::string normal = nfc_ ? normalised(text) : std::string(text);
    std::vector<TokenId> ids;
    for (size_t begin = 0; begin < normal.size();) {
      const size_t end = next_segment(pattern_, normal, begin);
      const std::string_view segment = std::string_view(normal).substr(begin, end - begin);
      for (size_t at = 0; at < segment.size();) {
        const size_t stop = next_piece(pattern_, segment, at);
        merge(segment.substr(at, stop - at), ids);
        at = stop;
      }
      begin = end;
    }
    return ids;
  }

  static std::string normalised(std::string_view text) {
    UErrorCode status = U_ZERO_ERROR;
    static const icu::UnicodeSet known(icu::UnicodeString::fromUTF8("[:Age=9.0:]"), status);
    static const icu::FilteredNormalizer2 nfc(*icu::Normalizer2::getNFCInstance(status), known);
    std::string out;
    icu::StringByteSink<std::string> sink(&out);
    nfc.normalizeUTF8(0, icu::StringPiece(text.data(), static_cast<int32_t>(text.size())), sink, nullptr, status);
    return out;
  }

 private:
  struct Merge {
    int rank;
    TokenId merged;
  };

  static uint64_t key(TokenId left, TokenId right) {
    return static_cast<uint64_t>(left) << 32 | static_cast<uint32_t>(right);
  }

  // The pair of the lowest rank is merged, the leftmost among equals, until no pair has a rank.
  void merge(std::string_view piece, std::vector<TokenId>& ids) const {
    std::vector<TokenId> symbols;
    for (const char c : piece) {
      if (bytes_[static_cast<uint8_t>(c)] >= 0) symbols.push_back(bytes_[static_cast<uint8_t>(c)]);
    }
    while (true) {
      size_t best = 0;
      Merge lowest{INT_MAX, -1};
      for (size_t i = 0; i + 1 < symbols.size(); ++i) {
        const auto found = merges_.find(key(symbols[i], symbols[i + 1]));
        if (found != merges_.end() && found->second.rank < lowest.rank) lowest = found->second, best = i;
      }
      if (lowest.merged < 0) break;
      symbols[best] = lowest.merged;
      symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(best) + 1);
    }
    ids.insert(ids.end(), symbols.begin(), symbols.end());
  }

  SplitPattern pattern_;
  bool nfc_;
  std::array<TokenId, 256> bytes_;  // -1: none
  std::unordered_map<uint64_t, Merge> merges_;
};

}  // namespace studio::engine
