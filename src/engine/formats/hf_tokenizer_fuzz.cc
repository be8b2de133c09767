// Any text as tokenizer.json: refused with a reason, or a vocabulary that becomes the keys of a model.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "engine/formats/gguf.h"
#include "engine/formats/hf_text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace studio::engine;
  auto check = [](bool holds) {
    if (!holds) std::abort();
  };
  auto read = HfTokenizer::parse({reinterpret_cast<const char*>(data), size});
  if (!read.ok()) {
    check(!read.error().message().empty());
    return 0;
  }
  check(!read->split.empty());
  for (const HfAddedToken& token : read->added) check(token.id >= 0);
  HfText text;
  text.tokenizer = std::move(*read);
  HfConfig model;
  model.vocab = 512;
  GgufWriter writer;
  if (auto described = text.describe(model, writer); !described.ok()) {
    check(!described.error().message().empty());
    return 0;
  }
  auto bytes = writer.finish();
  if (!bytes.ok()) return 0;  // a text over GGUF's limits
  auto file = GgufFile::parse(*bytes);
  check(file.ok() && file->find_entry("tokenizer.ggml.tokens")->count == 512);
  return 0;
}
