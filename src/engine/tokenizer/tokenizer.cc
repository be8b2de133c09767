#include "engine/tokenizer/tokenizer.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/tokenizer/normal_form.h"
#include "engine/tokenizer/piece_encoder.h"
#include "engine/tokenizer/stream_decoder.h"
#include "engine/tokenizer/vocabulary_builder.h"

namespace studio::engine {

Result<std::shared_ptr<const Tokenizer>> Tokenizer::build(const TokenizerData& data) {
  STUDIO_TRY(auto tables, build_tables(data, {}));
  return of_tables(std::move(tables), data);
}

Result<std::shared_ptr<const Tokenizer>> Tokenizer::of_tables(VocabularyTables tables,
                                                              const TokenizerSettings& settings) {
  std::shared_ptr<Tokenizer> made(new Tokenizer());
  made->tables_ = std::move(tables);
  made->settings_ = settings;
  const auto in_range = [&](TokenId id) { return id >= -1 && id < made->vocab_size(); };
  if (!in_range(settings.bos) || !in_range(settings.eos)) {
    return Error(Code::kCorruptData, "the vocabulary is broken: bos or eos lies outside of it");
  }
  for (const TokenId id : made->tables_.added()) {
    const std::string_view content = made->token_bytes(id);
    const auto first = static_cast<uint8_t>(content[0]);
    made->control_start_ = made->added_.empty() || made->control_start_ == first ? first : -1;
    made->starts_control_[first] = true;
    made->added_.push_back({id, std::string(content), made->is_special(id)});
  }
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

// The next place from `at` on where a control token may start, or the text's end.
size_t Tokenizer::next_start(std::string_view text, size_t at) const {
  if (control_start_ >= 0) return std::min(text.size(), text.find(static_cast<char>(control_start_), at));
  while (at < text.size() && !starts_control_[static_cast<uint8_t>(text[at])]) ++at;
  return at;
}

void Tokenizer::read_template(std::string_view text, std::string& plain, std::vector<TokenId>& ids) const {
  size_t begin = 0;  // of what follows the last control token
  for (size_t at = next_start(text, 0); at < text.size(); at = next_start(text, at)) {
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
  if (settings_.nfc) text = to_nfc(text, normal);
  const WordCaches::Lease cache(caches_);
  PieceEncoder(tables_, *cache, ids).encode(settings_.pattern, text);
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
  return is_there(id) ? tables_.token_bytes(static_cast<size_t>(id)) : std::string_view();
}

bool Tokenizer::is_control(TokenId id) const {
  return is_there(id) && (tables_.kind(static_cast<size_t>(id)) & kAddedToken) != 0;
}

bool Tokenizer::is_special(TokenId id) const {
  return is_there(id) && (tables_.kind(static_cast<size_t>(id)) & kSpecialToken) != 0;
}

TokenId Tokenizer::find(std::string_view content) const {
  for (const AddedToken& token : added_) {
    if (token.content == content) return token.id;
  }
  return -1;
}

}  // namespace studio::engine
