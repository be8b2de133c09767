#include "engine/tokenizer/tokenizer.h"

#include <unicode/normalizer2.h>
#include <unicode/stringpiece.h>
#include <unicode/uniset.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "engine/tokenizer/stream_decoder.h"
#include "engine/tokenizer/unicode_classes.h"

namespace studio::engine {
namespace {

constexpr uint8_t kAdded = 1, kSpecial = 2;

// GPT-2 writes each byte as a printable character: itself where it is printable, U+0100 and on for the others.
struct ByteAlphabet {
  std::array<int, 0x144> byte_of;  // -1: no byte
  ByteAlphabet() {
    byte_of.fill(-1);
    int other = 0x100;
    for (int b = 0; b < 256; ++b) {
      const bool printable = (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
      byte_of[static_cast<size_t>(printable ? b : other++)] = b;
    }
  }
};

// False when a character is not of the alphabet.
bool to_bytes(std::string_view token, std::string& out) {
  static const ByteAlphabet alphabet;
  out.clear();
  for (size_t at = 0; at < token.size();) {
    const CodePoint point = decode_utf8(token, at);
    if (point.value >= alphabet.byte_of.size() || alphabet.byte_of[point.value] < 0) return false;
    out.push_back(static_cast<char>(alphabet.byte_of[point.value]));
    at += static_cast<size_t>(point.bytes);
  }
  return true;
}

Error bad(const std::string& text) {
  return Error(Code::kCorruptData, "the vocabulary is broken: " + text);
}

// The reference library normalises by Unicode 9.0: younger characters stand as they are.
const icu::Normalizer2* nfc_of_unicode_9() {
  static const icu::Normalizer2* normalizer = []() -> const icu::Normalizer2* {
    UErrorCode status = U_ZERO_ERROR;
    static const icu::UnicodeSet known(icu::UnicodeString::fromUTF8("[:Age=9.0:]"), status);
    const icu::Normalizer2* all = icu::Normalizer2::getNFCInstance(status);
    if (U_FAILURE(status)) return nullptr;
    static const icu::FilteredNormalizer2 filtered(*all, known);
    return &filtered;
  }();
  return normalizer;
}

std::string to_nfc(std::string_view text) {
  const icu::Normalizer2* normalizer = nfc_of_unicode_9();
  if (normalizer == nullptr) return std::string(text);
  UErrorCode status = U_ZERO_ERROR;
  std::string out;
  icu::StringByteSink<std::string> sink(&out);
  normalizer->normalizeUTF8(0, icu::StringPiece(text.data(), static_cast<int32_t>(text.size())), sink, nullptr, status);
  return U_FAILURE(status) ? std::string(text) : out;
}

// Characters below U+0300 are in normal form C, whatever follows them up to there.
bool surely_nfc(std::string_view text) {
  for (const char c : text) {
    if (static_cast<uint8_t>(c) >= 0xCC) return false;
  }
  return true;
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> Tokenizer::build(TokenizerData data) {
  std::shared_ptr<Tokenizer> made(new Tokenizer());
  size_t vocab = data.tokens.size();
  for (const AddedToken& token : data.added) {
    if (token.id < 0 || token.content.empty()) return bad("an added token has no id or no content");
    vocab = std::max(vocab, static_cast<size_t>(token.id) + 1);
  }
  made->bytes_.resize(vocab);
  made->kinds_.assign(vocab, 0);
  for (const AddedToken& token : data.added) {
    const auto id = static_cast<size_t>(token.id);
    if (made->kinds_[id] != 0) return bad("added token " + std::to_string(id) + " is there twice");
    made->bytes_[id] = token.content;
    made->kinds_[id] = static_cast<uint8_t>(kAdded | (token.special ? kSpecial : 0));
    made->starts_control_[static_cast<uint8_t>(token.content[0])] = true;
  }

  std::unordered_map<std::string_view, TokenId> id_of;
  id_of.reserve(data.tokens.size());
  for (size_t id = 0; id < data.tokens.size(); ++id) {
    if (made->kinds_[id] != 0) continue;
    // Padding of the vocabulary may be any text; it stands for itself and no merge leads to it.
    if (!to_bytes(data.tokens[id], made->bytes_[id])) made->bytes_[id] = data.tokens[id];
    id_of.emplace(data.tokens[id], static_cast<TokenId>(id));
  }
  std::array<bool, 256> have{};
  for (size_t id = 0; id < data.tokens.size(); ++id) {
    if (made->kinds_[id] != 0 || made->bytes_[id].size() != 1) continue;
    const auto byte = static_cast<uint8_t>(made->bytes_[id][0]);
    if (!have[byte]) made->merges_.set_byte(byte, static_cast<TokenId>(id));
    have[byte] = true;
  }
  // SmolLM2 lacks some control characters; a vocabulary without printable bytes is no byte-level one.
  for (size_t b = 0x20; b < 0x7F; ++b) {
    if (!have[b]) return bad("no token stands for byte " + std::to_string(b));
  }
  made->merges_.reserve(data.merges.size());
  std::string joined;
  for (const std::string& merge : data.merges) {
    const size_t space = merge.find(' ');
    if (space == std::string::npos) return bad("a merge has no space");
    const std::string_view left = std::string_view(merge).substr(0, space),
                           right = std::string_view(merge).substr(space + 1);
    joined.assign(left).append(right);
    const auto l = id_of.find(left), r = id_of.find(right), both = id_of.find(joined);
    if (l == id_of.end() || r == id_of.end() || both == id_of.end())
      return bad("a merge names a token that is not there");
    made->merges_.add(l->second, r->second, both->second);
  }
  auto in_range = [&](TokenId id) { return id >= -1 && id < static_cast<TokenId>(vocab); };
  if (!in_range(data.bos) || !in_range(data.eos)) return bad("bos or eos lies outside of it");
  made->added_ = std::move(data.added);
  std::sort(made->added_.begin(), made->added_.end(), [](const AddedToken& a, const AddedToken& b) {
    return a.content.size() != b.content.size() ? a.content.size() > b.content.size() : a.id < b.id;
  });
  made->pattern_ = data.pattern;
  made->nfc_ = data.nfc;
  made->bos_ = data.bos;
  made->eos_ = data.eos;
  made->add_bos_ = data.add_bos && data.bos >= 0;
  return std::shared_ptr<const Tokenizer>(std::move(made));
}

std::vector<TokenId> Tokenizer::encode(std::string_view text) const {
  const TextSegment segment{text, false};
  return encode(std::span(&segment, 1));
}

std::vector<TokenId> Tokenizer::encode_template(std::string_view text) const {
  const TextSegment segment{text, true};
  return encode(std::span(&segment, 1));
}

const AddedToken* Tokenizer::control_at(std::string_view text, size_t at) const {
  if (!starts_control_[static_cast<uint8_t>(text[at])]) return nullptr;
  for (const AddedToken& token : added_) {
    if (text.substr(at, token.content.size()) == token.content) return &token;
  }
  return nullptr;
}

std::vector<TokenId> Tokenizer::encode(std::span<const TextSegment> segments) const {
  std::vector<TokenId> ids;
  std::string plain;    // since the last control token, whoever wrote it
  std::string written;  // neighbouring segments of the template are one
  auto read_template = [&] {
    for (size_t at = 0; at < written.size();) {
      const AddedToken* control = control_at(written, at);
      if (control == nullptr) {
        plain.push_back(written[at++]);
        continue;
      }
      encode_plain(plain, ids);
      plain.clear();
      ids.push_back(control->id);
      at += control->content.size();
    }
    written.clear();
  };
  for (const TextSegment& segment : segments) {
    if (segment.text.empty()) continue;
    if (segment.is_template) {
      written += segment.text;
    } else {
      read_template();
      plain += segment.text;
    }
  }
  read_template();
  encode_plain(plain, ids);
  return ids;
}

void Tokenizer::encode_plain(std::string_view text, std::vector<TokenId>& ids) const {
  std::string normal;
  if (nfc_ && !surely_nfc(text)) text = normal = to_nfc(text);
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = next_segment(pattern_, text, begin);
    const std::string_view segment = text.substr(begin, end - begin);
    for (size_t at = 0; at < segment.size();) {
      const size_t stop = next_piece(pattern_, segment, at);
      merges_.encode(segment.substr(at, stop - at), ids);
      at = stop;
    }
    begin = end;
  }
}

std::string Tokenizer::decode(std::span<const TokenId> ids, bool skip_special) const {
  StreamDecoder decoder;
  std::string text;
  for (const TokenId id : ids) {
    if (skip_special && is_special(id)) continue;
    text += decoder.push(token_bytes(id));
  }
  return text + decoder.flush();
}

std::string_view Tokenizer::token_bytes(TokenId id) const {
  return id >= 0 && id < vocab_size() ? std::string_view(bytes_[static_cast<size_t>(id)]) : std::string_view();
}

bool Tokenizer::is_control(TokenId id) const {
  return id >= 0 && id < vocab_size() && (kinds_[static_cast<size_t>(id)] & kAdded) != 0;
}

bool Tokenizer::is_special(TokenId id) const {
  return id >= 0 && id < vocab_size() && (kinds_[static_cast<size_t>(id)] & kSpecial) != 0;
}

TokenId Tokenizer::find(std::string_view content) const {
  for (const AddedToken& token : added_) {
    if (token.content == content) return token.id;
  }
  return -1;
}

}  // namespace studio::engine
