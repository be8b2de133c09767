// The text side of a served model: its chat template and vocabulary, in front of a ModelClient that knows ids alone.
//
// open() reads template and vocabulary from the model's file; the weights stay with the worker. prepare_*() turn a
// request into prompt ids, start() runs them and gives text back. Nothing here knows a dialect.
// Threads: immutable once opened; everything may be called from any thread. prepare_*() may take milliseconds.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/templates/chat_template.h"
#include "engine/tokenizer/tokenizer.h"
#include "inference/generation.h"
#include "inference/generation_runner.h"
#include "inference/model_client.h"
#include "inference/public_prefixes.h"

namespace studio::inference {

struct Message {
  std::string role;  // system, user, assistant, tool
  std::string content;
  std::string reasoning_content;          // assistant: kept out of the prompt unless the template asks for it
  std::vector<ToolCall> tool_calls = {};  // assistant
  std::string tool_call_id = {};          // tool: whose answer it is
};

// A place in a conversation up to which the prompt is to be held (GenerationRequest).
struct CacheMark {
  size_t message = 0;  // messages.size(): behind all of them
  size_t offset = 0;   // bytes of its content
};

struct ChatPrompt {
  std::vector<Message> messages;        // at least one
  bool is_partial = false;              // the last message is the assistant's, to be continued
  std::optional<bool> enable_thinking;  // the model's own way where not said
  std::optional<int> thinking_budget;   // tokens of reasoning, then it is closed
  ToolSet tools;                        // shown to the model where they are used
  std::vector<CacheMark> cache_marks = {};
};

// How a model thinks, by its template.
enum class Thinking {
  kNone,    // never
  kSwitch,  // on unless enable_thinking is false
  kAlways,
};

class TextModel {
 public:
  // `path` is the model that the client's worker runs; only its head is read. `vocabulary_dir` keeps tables of
  // vocabularies; empty: they are built each time. `public_texts` are system messages and beginnings of raw prompts
  // that everybody knows (public_prefixes.h). Errors: corrupt_data, unimplemented (vocabulary, template).
  static Result<std::shared_ptr<TextModel>> open(const std::string& path, std::shared_ptr<ModelClient> client,
                                                 const std::string& vocabulary_dir,
                                                 const std::vector<std::string>& public_texts = {});
  // The same where its head is read already.
  static Result<std::shared_ptr<TextModel>> open(const engine::ModelSource& head, const std::string& path,
                                                 std::shared_ptr<ModelClient> client, const std::string& vocabulary_dir,
                                                 const std::vector<std::string>& public_texts = {});

  // Errors: invalid_argument (also in the words of the template), with the field in param.
  Result<Prompt> prepare_chat(const ChatPrompt& chat) const;
  // A raw prompt is its caller's own: control tokens spelled in it are read as such.
  Prompt prepare_text(std::string_view text) const;
  // Fill in the middle; both texts are plain. Errors: invalid_argument where the model has no tokens for it.
  Result<Prompt> prepare_infill(std::string_view prefix, std::string_view suffix) const;
  Result<Prompt> prepare_ids(std::vector<engine::TokenId> ids) const;

  // Where prompt and wished output pass the context; nothing where they fit.
  struct Overflow {
    int prompt_tokens = 0, wished_tokens = 0, context_tokens = 0;
  };
  std::optional<Overflow> overflow(const GenerationRequest& request) const;

  // Errors: unavailable, overloaded, conflict, of the first choice. All that comes later goes to the sink's on_end.
  Result<std::unique_ptr<Generation>> start(GenerationRequest request, GenerationSink sink) const;

  Thinking thinking() const { return thinking_; }
  ToolFormat tool_format() const { return tool_format_; }
  const engine::Tokenizer& tokenizer() const { return *tokenizer_; }
  const ModelClient& client() const { return *client_; }
  int context_tokens() const;  // of the worker; 0 before it answered

 private:
  TextModel() = default;
  Result<Prompt> prepare_turns(const ChatPrompt& chat) const;
  Result<std::vector<int>> cache_marks(const ChatPrompt& chat, const Prompt& prompt) const;
  Result<engine::Rendered> render(const ChatPrompt& chat, bool thinks) const;
  void add_public(const std::string& text);

  std::shared_ptr<ModelClient> client_;
  std::shared_ptr<const engine::Tokenizer> tokenizer_;
  std::optional<engine::ChatTemplate> template_;
  Thinking thinking_ = Thinking::kNone;
  ToolFormat tool_format_ = ToolFormat::kNone;
  ControlIds ids_;
  PublicPrefixes public_prefixes_;
  engine::TokenId fim_prefix_ = -1, fim_suffix_ = -1, fim_middle_ = -1;
};

}  // namespace studio::inference
