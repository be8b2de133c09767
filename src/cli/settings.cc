#include "cli/settings.h"

#include <cstdlib>
#include <string_view>

#include "catalogue/hub.h"
#include "http/exchange.h"

extern char** environ;

namespace studio::cli {

const std::vector<Setting>& all_settings() {
  using enum SettingKind;
  static const std::vector<Setting> settings = {
      {.name = "data", .fallback = "~/.local/share/studio", .help = "folder of keys, usage and models"},
      {.name = "cache", .fallback = "~/.cache/studio", .help = "folder of downloads that can be had again"},

      {.name = "serve.listen",
       .fallback = "127.0.0.1:8080",
       .help = "HOST:PORT; port 0 takes a free one. The default moves on to the next port when it is taken"},
      {.name = "serve.allowed_hosts",
       .kind = kList,
       .help = "Host names accepted besides loopback ones, the address itself and the certificate's names"},
      {.name = "serve.allowed_origins",
       .kind = kList,
       .help = "web pages of other origins that may call, exactly as browsers send them: https://app.example.com"},
      {.name = "serve.tls_certificate", .help = "PEM file of the certificate and those above it; read again on SIGHUP"},
      {.name = "serve.tls_key", .help = "PEM file of its key, without a password"},
      {.name = "serve.behind_proxy",
       .kind = kList,
       .help = "addresses or networks of the proxies in front, whose X-Forwarded-For and -Proto are believed"},
      {.name = "serve.models", .kind = kList, .help = "names or files to serve; none: the default model"},
      {.name = "serve.default_model",
       .fallback = "qwen2.5-coder-0.5b-instruct",
       .help = "served and talked to when no model is named"},
      {.name = "serve.key_file", .help = "file that holds the key to accept, instead of the data folder's own"},
      {.name = "serve.public_prefixes",
       .kind = kList,
       .help = "text files of system prompts that every key may know: computed once for all of them"},
      {.name = "serve.drain_seconds",
       .kind = kNumber,
       .fallback = "30",
       .help = "how long answers may go on after SIGTERM",
       .min = 0,
       .max = 3600},
      {.name = "serve.heartbeat_seconds",
       .kind = kNumber,
       .fallback = "15",
       .help = "a stream that is silent for so long gets an SSE comment; less than what proxies in front wait",
       .min = 1,
       .max = 3600},
      {.name = "serve.stall_seconds",
       .kind = kNumber,
       .fallback = std::to_string(http::kStallTimeout.count()),
       .help = "a reader that takes next to nothing for so long, while bytes wait for it, is cut",
       .min = 1,
       .max = 3600},
      {.name = "serve.answer_seconds",
       .kind = kNumber,
       .fallback = "3600",
       .help = "how long an answer may take from its request on; then it ends with an error and frees its memory",
       .min = 1,
       .max = 86'400},
      {.name = "serve.key_weights",
       .kind = kList,
       .help = "NAME=N: this key's share of a busy model beside others', 1 to 100; keys not named have 1"},
      {.name = "serve.max_requests_per_key",
       .kind = kNumber,
       .fallback = "0",
       .help = "answers that one key may have open at once, beyond it 429; 0: no limit but the queue's",
       .min = 0,
       .max = 100'000},
      {.name = "serve.replicas",
       .kind = kNumber,
       .fallback = "1",
       .help = "workers of each model: an answer that loses one goes on at once at another; each takes its memory",
       .min = 1,
       .max = 16},
      {.name = "serve.hang_patience",
       .kind = kNumber,
       .fallback = "1",
       .help =
           "factor of the times after which a worker counts as hung (stopped 0.3 s, asleep over work 1 s); 0: never",
       .min = 0,
       .max = 1'000},
      {.name = "serve.load_seconds",
       .kind = kNumber,
       .fallback = "300",
       .help = "how long models may take to load",
       .min = 1,
       .max = 86'400},
      {.name = "serve.log_level",
       .fallback = "auto",
       .help = "of the log on standard error; auto: info, on a terminal warn",
       .choices = {"auto", "debug", "info", "warn", "error"}},

      {.name = "engine.threads",
       .kind = kNumber,
       .fallback = "0",
       .help = "of a model's worker; 0: one per core",
       .min = 0,
       .max = 1024},
      {.name = "engine.kernels",
       .fallback = "auto",
       .help = "vector instructions; all give the same bits",
       .choices = {"auto", "scalar", "avx2", "avx512", "amx"}},
      {.name = "engine.max_sequences",
       .kind = kNumber,
       .fallback = "16",
       .help = "answers computed at the same time",
       .min = 1,
       .max = 256},
      {.name = "engine.max_queue",
       .kind = kNumber,
       .fallback = "256",
       .help = "requests that may wait; beyond it they are refused",
       .min = 0,
       .max = 100'000},
      {.name = "engine.context_tokens",
       .kind = kNumber,
       .fallback = "0",
       .help = "longest prompt and answer together; 0: the model's own",
       .min = 0,
       .max = 1 << 24},
      {.name = "engine.kv_bytes",
       .kind = kBytes,
       .fallback = "0",
       .help = "memory for attention's keys and values; 0: what fits",
       .min = 0,
       .max = int64_t{1} << 46},
      {.name = "engine.kv_type",
       .fallback = "int16",
       .help = "codes of keys and values; int8: twice the tokens in the same memory, less exact, answers of its own",
       .choices = {"int16", "int8"}},
      {.name = "engine.kept_panels",
       .fallback = "all",
       .help = "GGUF files repacked for the kernels once and kept in the data folder, so that later starts are quick",
       .choices = {"none", "all"}},
      {.name = "engine.kept_prefixes",
       .fallback = "public",
       .help = "computed prefixes kept on disk, for the next start: those of serve.public_prefixes, all, or none",
       .choices = {"none", "public", "all"}},
      {.name = "engine.prefix_file_bytes",
       .kind = kBytes,
       .fallback = "256MiB",
       .help = "size of each worker's file of them",
       .min = 1 << 20,
       .max = int64_t{1} << 40},
      {.name = "engine.prompt_chunk",
       .kind = kNumber,
       .fallback = "512",
       .help = "prompt tokens computed in one step",
       .min = 1,
       .max = 512},
      {.name = "engine.draft_model",
       .help =
           "name or file of a smaller model of the same vocabulary: it guesses what the served ones say next, where "
           "that pays; the same bytes, sooner"},
      {.name = "engine.step_ms",
       .kind = kNumber,
       .fallback = "0",
       .help = "pause between two tokens of running answers that a new prompt may cause; 0: 2.25 times the usual one, "
               "250 if it is short",
       .min = 0,
       .max = 10'000},

      {.name = "hub.modelscope", .fallback = catalogue::kModelscopeEndpoint, .help = "ModelScope, or a mirror of it"},
      {.name = "hub.huggingface",
       .fallback = catalogue::kHuggingfaceEndpoint,
       .help = "Hugging Face, or a mirror of it (HF_ENDPOINT)"},
      {.name = "hub.patience_ms",
       .kind = kNumber,
       .fallback = std::to_string(catalogue::kReachBudget.count()),
       .help = "what hubs and registries out of reach may cost one pull in all",
       .min = 100,
       .max = 600'000},
  };
  return settings;
}

std::vector<std::string> default_config_files() {
  const char* config_home = std::getenv("XDG_CONFIG_HOME");
  std::string home = config_home && *config_home ? config_home : expand_home("~/.config");
  return {"/etc/studio/studio.toml", home + "/studio/config.toml"};
}

std::vector<std::pair<std::string, std::string>> settings_environment() {
  std::vector<std::pair<std::string, std::string>> variables;
  if (const char* endpoint = std::getenv("HF_ENDPOINT"); endpoint && *endpoint) {
    variables.emplace_back("STUDIO_HUB_HUGGINGFACE", endpoint);  // first: a variable of ours after it wins
  }
  for (char** entry = environ; *entry; ++entry) {
    std::string_view text = *entry;
    size_t equals = text.find('=');
    if (!text.starts_with("STUDIO_") || equals == std::string_view::npos) continue;
    variables.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

std::string expand_home(const std::string& path) {
  if (path != "~" && !path.starts_with("~/")) return path;
  const char* home = std::getenv("HOME");
  return (home ? home : "") + path.substr(1);
}

}  // namespace studio::cli
