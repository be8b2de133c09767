#include "engine/encoders/encoder.h"

#include <utility>

#include "engine/encoders/architectures.h"
#include "engine/formats/open_encoder.h"

namespace studio::engine {
namespace {

Status check_text(const EncoderText& text, const std::string& name, const EncoderConfig& config) {
  const auto refused = [&](const std::string& why) { return Error(Code::kInvalidArgument, name + " has " + why); };
  if (text.ids.empty()) return refused("no token");
  if (text.ids.size() > static_cast<size_t>(config.context_tokens)) {
    return refused(std::to_string(text.ids.size()) + " tokens; the model takes at most " +
                   std::to_string(config.context_tokens));
  }
  if (text.second_from < 0 || static_cast<size_t>(text.second_from) >= text.ids.size()) {
    return refused("a second text that begins outside it");
  }
  for (const TokenId id : text.ids) {
    if (id >= 0 && id < config.vocab) continue;
    return refused("the token id " + std::to_string(id) + ", which is outside the vocabulary of " +
                   std::to_string(config.vocab));
  }
  return Ok{};
}

}  // namespace

Result<std::unique_ptr<Encoder>> Encoder::load(ModelSource source, const KernelSet& kernels, ThreadPool& pool) {
  STUDIO_TRY(auto config, EncoderConfig::read(source));
  const auto load = config.is_decoder() ? load_qwen3_encoder : load_bert;
  return load(std::move(source), kernels, pool, std::move(config));
}

Result<std::unique_ptr<Encoder>> Encoder::open(const std::string& path, const KernelSet& kernels, ThreadPool& pool) {
  STUDIO_TRY(auto source, open_encoder(path));
  return load(std::move(source), kernels, pool);
}

Status Encoder::check(std::span<const EncoderText> texts) const {
  if (texts.size() > kMaxEncoderTexts) {
    return Error(Code::kInvalidArgument, std::to_string(texts.size()) + " texts at once; at most " +
                                             std::to_string(kMaxEncoderTexts) + " are encoded together");
  }
  for (size_t i = 0; i < texts.size(); ++i) {
    STUDIO_CHECK_OK(check_text(texts[i], "text " + std::to_string(i), config()));
  }
  return Ok{};
}

Result<std::vector<float>> Encoder::embed(std::span<const std::vector<TokenId>> texts) {
  std::vector<EncoderText> alone;
  for (const auto& ids : texts) alone.push_back({.ids = ids});
  return encode(alone);
}

}  // namespace studio::engine
