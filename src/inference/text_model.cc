#include "inference/text_model.h"

#include <algorithm>
#include <boost/json.hpp>

#include "base/json.h"
#include "engine/formats/open_model.h"
#include "engine/formats/panel_file.h"
#include "inference/end_ids.h"
#include "inference/generation_runner.h"

namespace studio::inference {
namespace {

using engine::ModelSource;
using engine::TextSegment;
using engine::TokenId;
using engine::Tokenizer;

constexpr std::string_view kOpenThink = "<think>", kCloseThink = "</think>";

// Arguments as an object, which templates print as they like; a text that is none is shown as it is.
boost::json::array render_calls(const std::vector<ToolCall>& calls) {
  boost::json::array rendered;
  for (const ToolCall& call : calls) {
    auto arguments = parse_json(call.arguments);
    boost::json::object function{{"name", call.name}, {"arguments", call.arguments}};
    if (arguments.ok() && arguments->is_object()) function["arguments"] = std::move(*arguments);
    rendered.push_back(boost::json::object{{"id", call.id}, {"type", "function"}, {"function", std::move(function)}});
  }
  return rendered;
}

}  // namespace

Result<std::shared_ptr<TextModel>> TextModel::open(const std::string& path, std::shared_ptr<ModelClient> client,
                                                   const std::string& vocabulary_dir,
                                                   const std::vector<std::string>& public_texts) {
  STUDIO_TRY(const ModelSource head, engine::read_model_head(path));
  return open(head, path, std::move(client), vocabulary_dir, public_texts);
}

Result<std::shared_ptr<TextModel>> TextModel::open(const ModelSource& file, const std::string& path,
                                                   std::shared_ptr<ModelClient> client,
                                                   const std::string& vocabulary_dir,
                                                   const std::vector<std::string>& public_texts) {
  std::shared_ptr<TextModel> model(new TextModel());
  model->client_ = std::move(client);
  STUDIO_TRY(model->tokenizer_, Tokenizer::open(file, {vocabulary_dir, engine::panel_vocabulary(file, path)}));
  const Tokenizer& tokenizer = *model->tokenizer_;
  STUDIO_TRY(model->ids_.ends, end_ids(file, tokenizer));
  model->ids_.think = tokenizer.find(kOpenThink);
  model->ids_.end_think = tokenizer.find(kCloseThink);
  model->ids_.closing = tokenizer.encode_template("\n</think>\n\n");
  model->fim_prefix_ = tokenizer.find("<|fim_prefix|>");
  model->fim_suffix_ = tokenizer.find("<|fim_suffix|>");
  model->fim_middle_ = tokenizer.find("<|fim_middle|>");

  STUDIO_TRY(auto source, file.find_string("tokenizer.chat_template"));
  if (!source) {
    for (const std::string& text : public_texts) model->add_public(text);
    return model;
  }
  STUDIO_TRY(model->template_, engine::ChatTemplate::compile(*source));
  model->tool_format_ = tool_format_of(*source);
  bool can_think = model->ids_.think >= 0 && model->ids_.end_think >= 0;
  if (can_think && source->find("enable_thinking") != std::string_view::npos) {
    model->thinking_ = Thinking::kSwitch;
  } else if (can_think) {
    ChatPrompt chat;
    chat.messages.push_back({.role = "user", .content = "1", .reasoning_content = {}});
    auto probe = model->prepare_chat(chat);
    if (probe.ok() && probe->is_open_reasoning) model->thinking_ = Thinking::kAlways;
  }
  for (const std::string& text : public_texts) model->add_public(text);
  return model;
}

// As a system message, whichever way the model thinks, and as the beginning of a raw prompt. A template without system
// messages has none that are public.
void TextModel::add_public(const std::string& text) {
  constexpr const char *kOne = "1", *kOther = "b";  // of no common byte, and no token holds either with what precedes
  public_prefixes_.add_common(prepare_text(text + kOne).ids, prepare_text(text + kOther).ids);
  for (const bool thinks : {true, false}) {
    auto said = [&](const char* what) {
      ChatPrompt chat;
      chat.messages.push_back({.role = "system", .content = text, .reasoning_content = {}});
      chat.messages.push_back({.role = "user", .content = what, .reasoning_content = {}});
      if (thinking_ == Thinking::kSwitch) chat.enable_thinking = thinks;
      return prepare_chat(chat);
    };
    const auto one = said(kOne), other = said(kOther);
    if (one.ok() && other.ok()) public_prefixes_.add_common(one->ids, other->ids);
  }
}

int TextModel::context_tokens() const {
  return client_ ? client_->status().info.context_tokens : 0;
}

Result<Prompt> TextModel::prepare_chat(const ChatPrompt& chat) const {
  STUDIO_TRY(Prompt prompt, prepare_turns(chat));
  STUDIO_TRY(prompt.cache_marks, cache_marks(chat, prompt));
  return prompt;
}

// Templates write what they like around a text, so a mark is where the prompt parts from the one of a conversation that
// goes on differently there.
Result<std::vector<int>> TextModel::cache_marks(const ChatPrompt& chat, const Prompt& prompt) const {
  std::vector<int> marks;
  for (const CacheMark& mark : chat.cache_marks) {
    size_t tokens = prompt.ids.size();
    if (mark.message < chat.messages.size()) {
      ChatPrompt other = chat;
      std::string& content = other.messages[mark.message].content;
      const bool begins_alike = mark.offset < content.size() && content[mark.offset] == '1';
      content.resize(std::min(mark.offset, content.size()));
      content += begins_alike ? '2' : '1';  // which no token holds with what precedes
      STUDIO_TRY(const Prompt parted, prepare_turns(other));
      tokens = static_cast<size_t>(std::ranges::mismatch(prompt.ids, parted.ids).in1 - prompt.ids.begin());
    }
    if (tokens > 0) marks.push_back(static_cast<int>(tokens));
  }
  std::ranges::sort(marks);
  return marks;
}

Result<Prompt> TextModel::prepare_turns(const ChatPrompt& chat) const {
  if (!template_) {
    return Error(Code::kInvalidArgument, "This model has no chat template; use the completions endpoint.")
        .with_param("model");
  }
  if (chat.messages.empty()) {
    return Error(Code::kInvalidArgument, "messages must hold at least one message.").with_param("messages");
  }
  if (chat.is_partial && thinking_ == Thinking::kAlways) {
    return Error(Code::kInvalidArgument, "This model always thinks before it answers; it cannot continue a message.")
        .with_param("messages[" + std::to_string(chat.messages.size() - 1) + "].partial");
  }
  bool thinks = thinking_ == Thinking::kAlways ||
                (thinking_ == Thinking::kSwitch && chat.enable_thinking.value_or(true) && !chat.is_partial);
  STUDIO_TRY(engine::Rendered rendered, render(chat, thinks));

  std::vector<TextSegment> segments;
  for (const auto& segment : rendered.segments()) segments.push_back({segment.text, segment.is_template});
  if (chat.is_partial) segments.push_back({chat.messages.back().content, false});
  bool is_open = false;
  for (const TextSegment& segment : segments) {
    if (!segment.is_template) continue;
    size_t open = segment.text.rfind(kOpenThink), close = segment.text.rfind(kCloseThink);
    if (open != std::string_view::npos) is_open = close == std::string_view::npos || close < open;
    if (open == std::string_view::npos && close != std::string_view::npos) is_open = false;
  }
  // A budget is counted from the opening token, so it is written where the model would write it.
  bool opens_here = thinks && chat.thinking_budget && !is_open;
  if (opens_here) segments.push_back({"<think>\n", true});

  Prompt prompt;
  prompt.ids = tokenizer_->encode(segments);
  prompt.is_open_reasoning = is_open || opens_here;
  prompt.may_reason = thinks || is_open;
  if (thinks) prompt.thinking_budget = chat.thinking_budget;
  return prompt;
}

Result<engine::Rendered> TextModel::render(const ChatPrompt& chat, bool thinks) const {
  boost::json::array messages;
  size_t count = chat.messages.size() - (chat.is_partial ? 1 : 0);
  for (size_t i = 0; i < count; ++i) {
    const Message& message = chat.messages[i];
    boost::json::object object{{"role", message.role}, {"content", message.content}};
    if (!message.reasoning_content.empty()) object["reasoning_content"] = message.reasoning_content;
    if (!message.tool_calls.empty()) object["tool_calls"] = render_calls(message.tool_calls);
    if (!message.tool_call_id.empty()) object["tool_call_id"] = message.tool_call_id;
    messages.push_back(std::move(object));
  }
  boost::json::object context{{"messages", std::move(messages)}, {"add_generation_prompt", true}};
  if (chat.tools.is_used()) context["tools"] = render_tools(chat.tools);
  if (thinking_ == Thinking::kSwitch) context["enable_thinking"] = thinks;
  boost::json::object trusted;
  if (tokenizer_->bos() >= 0) trusted["bos_token"] = tokenizer_->token_bytes(tokenizer_->bos());
  if (tokenizer_->eos() >= 0) trusted["eos_token"] = tokenizer_->token_bytes(tokenizer_->eos());
  auto rendered =
      template_->render(context, {.trusted = &trusted, .now = std::chrono::system_clock::now(), .limits = {}});
  if (!rendered.ok()) {
    if (rendered.error().param().empty()) return std::move(rendered).error().with_param("messages");
    return std::move(rendered).error();
  }
  return rendered;
}

Prompt TextModel::prepare_text(std::string_view text) const {
  Prompt prompt;
  prompt.ids = tokenizer_->encode_template(text);
  if (tokenizer_->add_bos() && tokenizer_->bos() >= 0) prompt.ids.insert(prompt.ids.begin(), tokenizer_->bos());
  return prompt;
}

Result<Prompt> TextModel::prepare_infill(std::string_view prefix, std::string_view suffix) const {
  if (fim_prefix_ < 0 || fim_suffix_ < 0 || fim_middle_ < 0) {
    return Error(Code::kInvalidArgument, "suffix: this model cannot fill in the middle; leave suffix out.")
        .with_param("suffix");
  }
  Prompt prompt;
  auto append = [&](std::string_view text) {
    std::vector<TokenId> ids = tokenizer_->encode(text);
    prompt.ids.insert(prompt.ids.end(), ids.begin(), ids.end());
  };
  prompt.ids.push_back(fim_prefix_);
  append(prefix);
  prompt.ids.push_back(fim_suffix_);
  append(suffix);
  prompt.ids.push_back(fim_middle_);
  return prompt;
}

Result<Prompt> TextModel::prepare_ids(std::vector<TokenId> ids) const {
  for (TokenId id : ids) {
    if (id >= 0 && id < tokenizer_->vocab_size()) continue;
    return Error(Code::kOutOfRange, "prompt: token id " + std::to_string(id) + " is outside the vocabulary (0 to " +
                                        std::to_string(tokenizer_->vocab_size() - 1) + ").")
        .with_param("prompt");
  }
  Prompt prompt;
  prompt.ids = std::move(ids);
  return prompt;
}

std::optional<TextModel::Overflow> TextModel::overflow(const GenerationRequest& request) const {
  int wished = std::max({1, request.max_tokens.value_or(1), request.max_completion_tokens.value_or(1)});
  int context = context_tokens();
  for (const Prompt& prompt : request.prompts) {
    int64_t tokens = static_cast<int64_t>(prompt.ids.size());
    if (context > 0 && tokens + wished > context) return Overflow{static_cast<int>(tokens), wished, context};
  }
  return std::nullopt;
}

Result<std::unique_ptr<Generation>> TextModel::start(GenerationRequest request, GenerationSink sink) const {
  int context = context_tokens();
  if (context == 0) return Error(Code::kUnavailable, "The model is still being loaded.");
  for (Prompt& prompt : request.prompts) prompt.public_tokens = public_prefixes_.count(prompt.ids);
  return run_generation(std::move(request), ids_, context, tokenizer_, client_, std::move(sink));
}

}  // namespace studio::inference
