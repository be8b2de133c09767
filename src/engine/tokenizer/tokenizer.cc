#include "engine/tokenizer/tokenizer.h"

#include <algorithm>
#include <system_error>
#include <thread>
#include <utility>

#include "engine/tokenizer/normal_form.h"
#include "engine/tokenizer/piece_encoder.h"
#include "engine/tokenizer/stream_decoder.h"
#include "engine/tokenizer/token_table.h"
#include "engine/tokenizer/unicode_classes.h"

namespace studio::engine {
namespace {

constexpr uint8_t kAdded = 1, kSpecial = 2;
constexpr size_t kWorthAThread = 16'384;          // tokens; below it takes under a millisecond
constexpr size_t kMaxVocabularyBytes = 1u << 30;  // of all tokens; real ones are under 4 MB

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

// Writes the bytes that a token stands for to `out`, at most one for each of the token's; returns the end. nullptr
// where a character is not of the alphabet.
char* to_bytes(std::string_view token, char* out) {
  static const ByteAlphabet alphabet;
  for (size_t at = 0; at < token.size();) {
    const CodePoint point = decode_utf8(token, at);
    if (point.value >= alphabet.byte_of.size() || alphabet.byte_of[point.value] < 0) return nullptr;
    *out++ = static_cast<char>(alphabet.byte_of[point.value]);
    at += static_cast<size_t>(point.bytes);
  }
  return out;
}

Error bad(const std::string& text) {
  return Error(Code::kCorruptData, "the vocabulary is broken: " + text);
}

// Runs both, beside each other where that is worth a thread and there is one.
template <typename First, typename Second>
void both(First&& first, Second&& second, bool is_worth_a_thread) {
  std::thread helper;
  try {
    if (is_worth_a_thread) helper = std::thread(first);
  } catch (const std::system_error&) {  // no thread to be had
  }
  if (!helper.joinable()) first();
  second();
  if (helper.joinable()) helper.join();
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> Tokenizer::build(TokenizerData data) {
  std::shared_ptr<Tokenizer> made(new Tokenizer());
  STUDIO_CHECK_OK(made->mark_added(data));
  Status tokens = Ok(), merges = Ok();
  both([&] { tokens = made->add_tokens(data); }, [&] { merges = made->add_merges(data); },
       data.tokens.size() >= kWorthAThread);
  STUDIO_CHECK_OK(tokens);
  STUDIO_CHECK_OK(merges);
  const auto in_range = [&](TokenId id) { return id >= -1 && id < made->vocab_size(); };
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

Status Tokenizer::mark_added(const TokenizerData& data) {
  size_t vocab = data.tokens.size();
  for (const AddedToken& token : data.added) {
    if (token.id < 0 || token.content.empty()) return bad("an added token has no id or no content");
    vocab = std::max(vocab, static_cast<size_t>(token.id) + 1);
  }
  kinds_.assign(vocab, 0);
  for (const AddedToken& token : data.added) {
    uint8_t& kind = kinds_[static_cast<size_t>(token.id)];
    if (kind != 0) return bad("added token " + std::to_string(token.id) + " is there twice");
    kind = static_cast<uint8_t>(kAdded | (token.special ? kSpecial : 0));
    starts_control_[static_cast<uint8_t>(token.content[0])] = true;
  }
  return Ok();
}

// What each token stands for, the tokens of single bytes, and the seams. Beside add_merges(): it writes nothing that
// the other one touches.
Status Tokenizer::add_tokens(const TokenizerData& data) {
  const size_t vocab = kinds_.size();
  size_t most_bytes = 0;
  std::vector<const AddedToken*> added;  // by id
  for (const AddedToken& token : data.added) {
    most_bytes += token.content.size();
    added.push_back(&token);
  }
  for (const std::string_view token : data.tokens) most_bytes += token.size();
  if (most_bytes > kMaxVocabularyBytes) return bad("its tokens are too long");
  std::sort(added.begin(), added.end(), [](const auto* a, const auto* b) { return a->id < b->id; });

  ends_.resize(vocab);
  bytes_.resize(most_bytes);
  std::array<bool, 256> have{};
  bool has_raw = false;
  char* out = bytes_.data();
  auto next_added = added.begin();
  for (size_t id = 0; id < vocab; ++id) {
    char* const begin = out;
    if (kinds_[id] != 0) {
      out = std::copy((*next_added)->content.begin(), (*next_added)->content.end(), out);
      ++next_added;
    } else if (id < data.tokens.size()) {
      out = to_bytes(data.tokens[id], begin);
      // Padding of the vocabulary may be any text; it stands for itself and no merge leads to it.
      if (out == nullptr) {
        out = std::copy(data.tokens[id].begin(), data.tokens[id].end(), begin);
        has_raw = true;
      }
      const std::string_view bytes(begin, static_cast<size_t>(out - begin));
      seams_.add_token(bytes);
      if (bytes.size() == 1 && !have[static_cast<uint8_t>(bytes[0])]) {
        merges_.set_byte(static_cast<uint8_t>(bytes[0]), static_cast<TokenId>(id));
        have[static_cast<uint8_t>(bytes[0])] = true;
      }
    }
    ends_[id] = static_cast<uint32_t>(out - bytes_.data());
  }
  bytes_.resize(static_cast<size_t>(out - bytes_.data()));
  // A merge of tokens that stand for other bytes than their text says would lie across places that nobody knows of.
  if (has_raw) seams_.close_all();
  // SmolLM2 lacks some control characters; a vocabulary without printable bytes is no byte-level one.
  for (size_t b = 0; b < 256; ++b) {
    if (have[b]) continue;
    if (b >= 0x20 && b < 0x7F) return bad("no token stands for byte " + std::to_string(b));
    seams_.add_missing_byte(static_cast<uint8_t>(b));
  }
  return Ok();
}

// Ranks and ids of the merges. A block at a time, so that the places in memory that it needs are fetched together.
Status Tokenizer::add_merges(const TokenizerData& data) {
  constexpr size_t kBlock = 32;
  struct Part {
    std::string_view text;
    uint64_t key = 0;
    TokenId id = -1;
  };
  TokenTable table(data.tokens);
  std::array<uint64_t, kBlock> keys;
  for (size_t begin = 0; begin < data.tokens.size(); begin += kBlock) {
    const size_t end = std::min(begin + kBlock, data.tokens.size());
    for (size_t id = begin; id < end; ++id) table.prefetch(keys[id - begin] = TokenTable::key_of(data.tokens[id]));
    for (size_t id = begin; id < end; ++id) {
      if (kinds_[id] == 0) table.add(static_cast<TokenId>(id), keys[id - begin]);
    }
  }
  merges_.reserve(data.merges.size());
  std::array<Part, kBlock> lefts, rights;
  std::array<TokenId, kBlock> merged;
  std::string joined;
  size_t guess = 0;  // the token after the last one that a merge made: most often this one makes it
  for (size_t begin = 0; begin < data.merges.size(); begin += kBlock) {
    const size_t count = std::min(kBlock, data.merges.size() - begin);
    for (size_t i = 0; i < count; ++i) {
      const std::string_view merge = data.merges[begin + i];
      const size_t space = merge.find(' ');
      if (space == std::string_view::npos) return bad("a merge has no space");
      for (Part* part : {&lefts[i], &rights[i]}) {
        part->text = part == &lefts[i] ? merge.substr(0, space) : merge.substr(space + 1);
        part->key = TokenTable::key_of(part->text);
        table.prefetch(part->key);
      }
    }
    for (size_t i = 0; i < count; ++i) {
      Part &left = lefts[i], &right = rights[i];
      left.id = table.find(left.text, left.key);
      right.id = table.find(right.text, right.key);
      const std::string_view guessed = guess < data.tokens.size() ? data.tokens[guess] : std::string_view();
      if (!table.has_twins() && guessed.size() == left.text.size() + right.text.size() && !guessed.empty() &&
          kinds_[guess] == 0 && guessed.starts_with(left.text) && guessed.ends_with(right.text)) {
        merged[i] = static_cast<TokenId>(guess);
      } else {
        merged[i] = table.find(joined.assign(left.text).append(right.text));
      }
      if (left.id < 0 || right.id < 0 || merged[i] < 0) return bad("a merge names a token that is not there");
      merges_.prefetch(left.id, right.id);
      guess = static_cast<size_t>(merged[i]) + 1;
    }
    for (size_t i = 0; i < count; ++i) merges_.add(lefts[i].id, rights[i].id, merged[i]);
  }
  return Ok();
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
  size_t bytes = 0;
  for (const TextSegment& segment : segments) bytes += segment.text.size();
  ids.reserve(bytes);   // an id stands for a byte at least; what is never written takes no memory of the machine's
  std::string plain;    // since the last control token, whoever wrote it
  std::string written;  // neighbouring segments of the template are one
  for (size_t i = 0; i < segments.size(); ++i) {
    if (segments[i].text.empty()) continue;
    if (!segments[i].is_template) {
      plain += segments[i].text;
      continue;
    }
    const auto joins = [&](size_t next) {
      return next < segments.size() && (segments[next].text.empty() || segments[next].is_template);
    };
    std::string_view text = segments[i].text;
    if (joins(i + 1)) {
      written = text;
      while (joins(i + 1)) written += segments[++i].text;
      text = written;
    }
    read_template(text, plain, ids);
  }
  encode_plain(plain, ids);
  return ids;
}

void Tokenizer::read_template(std::string_view text, std::string& plain, std::vector<TokenId>& ids) const {
  size_t begin = 0;  // of what follows the last control token
  for (size_t at = 0; at < text.size();) {
    const AddedToken* control = control_at(text, at);
    if (control == nullptr) {
      ++at;
      continue;
    }
    if (plain.empty()) {
      encode_plain(text.substr(begin, at - begin), ids);
    } else {
      encode_plain(plain.append(text, begin, at - begin), ids);
      plain.clear();
    }
    ids.push_back(control->id);
    begin = at += control->content.size();
  }
  plain.append(text, begin);
}

void Tokenizer::encode_plain(std::string_view text, std::vector<TokenId>& ids) const {
  if (text.empty()) return;
  std::string normal;
  if (nfc_) text = to_nfc(text, normal);
  const WordCaches::Lease cache(caches_);
  PieceEncoder(merges_, seams_, *cache, ids).encode(pattern_, text);
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
  if (id < 0 || id >= vocab_size()) return {};
  const auto at = static_cast<size_t>(id);
  const size_t begin = at == 0 ? 0 : ends_[at - 1];
  return std::string_view(bytes_).substr(begin, ends_[at] - begin);
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
