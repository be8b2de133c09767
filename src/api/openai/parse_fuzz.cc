// Any bytes as a body: parsed or refused by name, never a crash; what is taken stays inside the limits.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "api/openai/parse.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace studio::api::openai;
  std::string_view body(reinterpret_cast<const char*>(data), size);
  auto chat = parse_chat(body);
  if (chat.ok()) {
    const auto& sampling = chat->generate.sampling;
    bool is_sound = sampling.temperature >= 0 && sampling.temperature < 2 && sampling.top_p > 0 &&
                    sampling.top_p <= 1 && chat->generate.n >= 1 && !chat->prompt.messages.empty();
    if (!is_sound) std::abort();
  } else if (chat.error().message().empty()) {
    std::abort();
  }
  auto completion = parse_completion(body);
  if (completion.ok() && completion->prompts.empty()) std::abort();
  (void)parse_tokenize(body).ok();
  return 0;
}
