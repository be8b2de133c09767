#include "engine/formats/lora_source.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <map>
#include <utility>

#include "base/file.h"
#include "engine/formats/block_codec.h"
#include "engine/formats/hf_tensors.h"
#include "engine/formats/safetensors.h"
#include "engine/formats/source_error.h"
#include "engine/formats/tensor_rows.h"

namespace studio::engine {
namespace {

constexpr uint64_t kMaxLayers = 1024;  // as models have at most
constexpr float kMaxAlpha = 1e6f;      // real ones are 8 to 512

Error corrupt(const std::string& text) {
  return Error(Code::kCorruptData, text);
}

Error unsupported(std::string_view tensor) {
  return Error(Code::kUnimplemented, "the tensor " + quoted(tensor) +
                                         " is no factor that can be applied; adapters of the matrices of attention and "
                                         "feed-forward layers are supported");
}

// What is known of a matrix while its factors are read.
struct Half {
  std::string tensor;  // as the file calls it
  TensorInfo info;
};
struct Found {
  std::string module;  // PEFT's name
  size_t order = 0;    // of its first factor in the file
  std::optional<Half> a, b;
};
// By the matrix of the base, "blk.0.attn_q".
using Factors = std::map<std::string, Found, std::less<>>;

std::string shape_text(const TensorInfo& tensor) {
  return "[" + std::to_string(tensor.rows()) + ", " + std::to_string(tensor.row_elements()) + "]";
}

Status add(Factors& factors, const std::string& matrix, std::string_view module, bool is_a, Half half) {
  const auto [at, is_new] = factors.try_emplace(matrix);
  if (is_new) at->second.order = factors.size() - 1, at->second.module = module;
  std::optional<Half>& place = is_a ? at->second.a : at->second.b;
  if (place) return corrupt("the tensor " + engine::quoted(half.tensor) + " stands twice");
  if (half.info.n_dims != 2) return corrupt("the tensor " + engine::quoted(half.tensor) + " is no matrix");
  place = std::move(half);
  return Ok{};
}

struct Place {
  int layer = 0;
  LoraTarget target = LoraTarget::kQuery;
};

// "blk.12.ffn_up"
std::optional<Place> place_of(std::string_view matrix) {
  constexpr std::string_view kBlock = "blk.";
  if (!matrix.starts_with(kBlock)) return std::nullopt;
  matrix.remove_prefix(kBlock.size());
  Place place;
  const auto [end, fault] = std::from_chars(matrix.data(), matrix.data() + matrix.size(), place.layer);
  const auto digits = static_cast<size_t>(end - matrix.data());
  if (fault != std::errc() || place.layer < 0 || place.layer >= static_cast<int>(kMaxLayers)) return std::nullopt;
  if (std::to_string(place.layer).size() != digits || digits == matrix.size() || matrix[digits] != '.') {
    return std::nullopt;
  }
  const auto name = std::ranges::find(kLoraTargetNames, matrix.substr(digits + 1));
  if (name == kLoraTargetNames.end()) return std::nullopt;
  place.target = static_cast<LoraTarget>(name - kLoraTargetNames.begin());
  return place;
}

Result<LoraPair> pair_of(const std::string& matrix, const Found& found, const ModelSource& base) {
  if (!found.a || !found.b) {
    const Half& there = found.a ? *found.a : *found.b;
    return corrupt("the tensor " + engine::quoted(there.tensor) + " has no counterpart: a matrix takes two factors");
  }
  const auto place = place_of(matrix);
  if (!place) return unsupported(found.a->tensor);
  const TensorInfo* weight = base.find_tensor(matrix + ".weight");
  if (weight == nullptr) {
    return corrupt("the tensor " + engine::quoted(found.a->tensor) + " belongs to " + matrix +
                   ", which the model does not have: the adapter is for another model");
  }
  const TensorInfo &a = found.a->info, &b = found.b->info;
  const auto mismatch = [&](const Half& half, const std::string& wanted) {
    return corrupt("the tensor " + engine::quoted(half.tensor) + " has the shape " + shape_text(half.info) +
                   " where the model's " + matrix + " needs " + wanted + ": the adapter is for another model");
  };
  const std::string rows = std::to_string(weight->rows()), k = std::to_string(weight->row_elements());
  if (a.row_elements() != weight->row_elements()) return mismatch(*found.a, "[R, " + k + "]");
  if (b.rows() != weight->rows()) return mismatch(*found.b, "[" + rows + ", R]");
  if (b.row_elements() != a.rows()) {
    return corrupt("the tensors " + engine::quoted(found.a->tensor) + " " + shape_text(a) + " and " +
                   engine::quoted(found.b->tensor) + " " + shape_text(b) + " are of different ranks");
  }
  if (a.rows() > static_cast<uint64_t>(kMaxLoraRank)) {
    return Error(Code::kUnimplemented, "the tensor " + engine::quoted(found.a->tensor) + " has the rank " +
                                           std::to_string(a.rows()) + "; ranks up to " + std::to_string(kMaxLoraRank) +
                                           " are supported");
  }
  LoraPair pair{.matrix = matrix, .layer = place->layer, .target = place->target, .a = a, .b = b};
  pair.a.name = pair.b.name = {};
  return pair;
}

// Pairs in the order of the file. `scale` gives each its own.
template <typename Scale>
Result<std::vector<LoraPair>> pairs_of(const Factors& factors, const ModelSource& base, Scale scale) {
  if (factors.empty()) return corrupt("the adapter has no factors");
  std::vector<LoraPair> pairs(factors.size());
  for (const auto& [matrix, found] : factors) {
    STUDIO_TRY(LoraPair pair, pair_of(matrix, found, base));
    STUDIO_TRY(pair.scale, scale(found, pair));
    pairs[found.order] = std::move(pair);
  }
  return pairs;
}

// ---- GGUF

Result<float> alpha_of(const GgufFile& file) {
  STUDIO_TRY(const auto alpha, file.find_f32("adapter.lora.alpha"));
  if (std::fabs(alpha.value_or(0)) > kMaxAlpha) return corrupt("adapter.lora.alpha is out of range");
  return alpha.value_or(0);
}

Status check_kind(const GgufFile& file, const std::string& architecture) {
  STUDIO_TRY(const auto general, file.find_string("general.type"));
  if (general.value_or("model") != "adapter") {
    return corrupt("general.type is " + quoted(general.value_or("model")) + ": the file is no adapter");
  }
  STUDIO_TRY(const std::string_view kind, file.get_string("adapter.type"));
  if (kind != "lora") return Error(Code::kUnimplemented, "adapter.type is " + quoted(kind) + "; lora is supported");
  STUDIO_TRY(const std::string_view made_for, file.get_string("general.architecture"));
  if (made_for != architecture) {
    return corrupt("general.architecture is " + quoted(made_for) + " and the model is " + engine::quoted(architecture) +
                   ": the adapter is for another model");
  }
  constexpr std::string_view kActivated = "adapter.alora.invocation_tokens";
  if (file.has_key(kActivated)) {
    return Error(Code::kUnimplemented,
                 std::string(kActivated) + ": adapters that begin in mid-prompt are not supported");
  }
  return Ok{};
}

Result<std::vector<LoraPair>> read_gguf(const GgufFile& file, const std::string& architecture,
                                        const ModelSource& base) {
  STUDIO_CHECK_OK(check_kind(file, architecture));
  STUDIO_TRY(const float alpha, alpha_of(file));
  STUDIO_TRY(const auto scales, file.find_f32_array(kLoraScalesKey));
  Factors factors;
  for (const TensorInfo& tensor : file.tensors()) {
    const bool is_a = tensor.name.ends_with(".weight.lora_a"), is_b = tensor.name.ends_with(".weight.lora_b");
    if (!is_a && !is_b) return unsupported(tensor.name);
    const std::string matrix(tensor.name.substr(0, tensor.name.size() - std::string_view(".weight.lora_a").size()));
    if (!place_of(matrix)) return unsupported(tensor.name);
    STUDIO_CHECK_OK(add(factors, matrix, matrix, is_a, {std::string(tensor.name), tensor}));
  }
  if (scales && scales->size() != factors.size()) {
    return corrupt(std::string(kLoraScalesKey) + " must hold a number for each matrix");
  }
  return pairs_of(factors, base, [&](const Found& found, const LoraPair& pair) -> Result<float> {
    const float scale = scales ? (*scales)[found.order] : alpha != 0 ? alpha / static_cast<float>(pair.rank()) : 1.0f;
    if (!std::isfinite(scale)) return corrupt("the scale of " + pair.matrix + " is not finite");
    return scale;
  });
}

// ---- PEFT

TensorInfo info_of(const SafetensorsTensor& tensor) {
  TensorInfo info{.name = {},
                  .dtype = tensor.dtype,
                  .shape = {1, 1, 1, 1},
                  .n_dims = static_cast<int>(tensor.shape.size()),
                  .data = tensor.data};
  std::copy(tensor.shape.rbegin(), tensor.shape.rend(), info.shape.begin());
  return info;
}

// Heads that share the rows of q or k where the model's rows stand in another order than PEFT's; 0: nowhere else.
Result<int> rotary_heads(const ModelSource& base, const std::string& architecture, const std::string& matrix) {
  const bool is_query = matrix.ends_with(".attn_q");
  if (architecture != "llama" || (!is_query && !matrix.ends_with(".attn_k"))) return 0;
  STUDIO_TRY(const uint64_t heads, base.get_u64("llama.attention.head_count"));
  STUDIO_TRY(const auto kv_heads, base.find_u64("llama.attention.head_count_kv"));
  const uint64_t count = is_query ? heads : kv_heads.value_or(heads);
  const TensorInfo* weight = base.find_tensor(matrix + ".weight");
  if (weight == nullptr) return 0;  // told with the tensor's name
  if (count == 0 || count > weight->rows() || weight->rows() % (2 * count) != 0) {
    return corrupt("llama.attention.head_count does not fit " + matrix);
  }
  return static_cast<int>(count);
}

// "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"
Status add_peft(Factors& factors, const SafetensorsTensor& tensor, const ModelSource& base,
                const std::string& architecture) {
  constexpr std::string_view kPrefix = "base_model.model.", kA = ".lora_A.weight", kB = ".lora_B.weight";
  const std::string_view name = tensor.name;
  const bool is_a = name.ends_with(kA);
  if (!name.starts_with(kPrefix) || (!is_a && !name.ends_with(kB))) return unsupported(name);
  const std::string_view module = name.substr(kPrefix.size(), name.size() - kPrefix.size() - kA.size());
  const std::string matrix = matrix_of_module(module);
  if (!place_of(matrix)) return unsupported(name);
  Half half{tensor.name, info_of(tensor)};
  if (!is_a) {
    STUDIO_TRY(half.info.rotary_heads, rotary_heads(base, architecture, matrix));
    if (half.info.rotary_heads > 0) half.info.order = TensorOrder::kRotaryHalves;
  }
  return add(factors, matrix, module, is_a, std::move(half));
}

Result<std::vector<LoraPair>> read_peft(const PeftConfig& config, const SafetensorsFile& weights,
                                        const std::string& architecture, const ModelSource& base) {
  Factors factors;
  for (const SafetensorsTensor& tensor : weights.tensors()) {
    STUDIO_CHECK_OK(add_peft(factors, tensor, base, architecture));
  }
  return pairs_of(factors, base, [&](const Found& found, const LoraPair& pair) -> Result<float> {
    const int rank = config.rank_of(found.module);
    if (rank != pair.rank()) {
      return corrupt("the tensor " + engine::quoted(found.a->tensor) + " has the rank " + std::to_string(pair.rank()) +
                     " where " + kPeftConfigFile + " says " + std::to_string(rank));
    }
    return static_cast<float>(config.scale_of(found.module));
  });
}

Result<std::string> architecture_of(const ModelSource& base) {
  STUDIO_TRY(const std::string_view name, base.get_string("general.architecture"));
  return std::string(name);
}

}  // namespace

Result<LoraStorage> lora_storage(std::string_view name) {
  if (name == "int16") return LoraStorage::kInt16;
  if (name == "int8") return LoraStorage::kInt8;
  return Error(Code::kInvalidArgument,
               quoted(name) + " is no way to keep an adapter; there are " + std::string(kLoraStorageNames))
      .with_param("store");
}

Result<std::vector<float>> lora_values(const LoraPair& pair, const TensorInfo& factor) {
  const uint64_t rows = factor.rows(), width = factor.row_elements();
  const std::vector<uint8_t> bytes = rows_in_order(factor, 0, rows);
  const size_t row_size = row_bytes(factor.dtype, width);
  std::vector<float> values(rows * width);
  for (uint64_t row = 0; row < rows; ++row) {
    decode_row(factor.dtype, bytes.data() + row * row_size, values.data() + row * width, width);
  }
  if (!std::ranges::all_of(values, [](float value) { return std::isfinite(value); })) {
    return Error(Code::kCorruptData, "the adapter's factors of " + pair.matrix + " hold a value that is not finite");
  }
  return values;
}

Result<LoraSource> LoraSource::parse_gguf(std::span<const uint8_t> bytes, const ModelSource& base) {
  LoraSource source;
  source.format_ = "GGUF";
  STUDIO_TRY(source.architecture_, architecture_of(base));
  STUDIO_TRY(const GgufFile file, GgufFile::parse(bytes));
  STUDIO_TRY(source.pairs_, read_gguf(file, source.architecture_, base));
  STUDIO_TRY(const auto storage, file.find_string(kLoraStorageKey));
  if (storage) {
    STUDIO_TRY(source.storage_, lora_storage(*storage));
  }
  return source;
}

Result<LoraSource> LoraSource::parse_peft(std::string_view config, std::span<const uint8_t> weights,
                                          const ModelSource& base) {
  LoraSource source;
  source.format_ = "PEFT";
  STUDIO_TRY(source.architecture_, architecture_of(base));
  STUDIO_TRY(const PeftConfig parsed, PeftConfig::parse(config));
  STUDIO_TRY(const SafetensorsFile file, SafetensorsFile::parse(weights));
  auto pairs = read_peft(parsed, file, source.architecture_, base);
  if (!pairs.ok()) return in_file(kPeftWeightsFile, std::move(pairs).error());
  source.pairs_ = std::move(*pairs);
  return source;
}

Result<LoraSource> LoraSource::open(const std::string& path, const ModelSource& base) {
  std::error_code error;
  const bool is_folder = std::filesystem::is_directory(path, error);
  const std::string weights = is_folder ? path + "/" + kPeftWeightsFile : path;
  if (is_folder && !std::filesystem::exists(weights, error) &&
      std::filesystem::exists(path + "/adapter_model.bin", error)) {
    return Error(
        Code::kUnimplemented,
        std::string("adapter_model.bin is a pickle, which is a program; save the adapter as ") + kPeftWeightsFile);
  }
  std::string config;
  if (is_folder) {
    auto text = read_file(path + "/" + kPeftConfigFile, kMaxPeftConfigBytes);
    if (!text.ok()) return in_file(path + "/" + kPeftConfigFile, std::move(text).error());
    config = std::move(*text);
  }
  auto mapping = MappedFile::open(weights);
  if (!mapping.ok()) return in_file(weights, std::move(mapping).error());
  auto source = is_folder ? parse_peft(config, mapping->bytes(), base) : parse_gguf(mapping->bytes(), base);
  if (!source.ok()) return std::move(source).error();
  source->mapping_ = std::move(*mapping);
  return source;
}

int64_t LoraSource::parameters() const {
  int64_t sum = 0;
  for (const LoraPair& pair : pairs_) {
    sum += static_cast<int64_t>(pair.a.rows() * (pair.a.row_elements() + pair.b.rows()));
  }
  return sum;
}

int LoraSource::max_rank() const {
  int rank = 0;
  for (const LoraPair& pair : pairs_) rank = std::max(rank, pair.rank());
  return rank;
}

}  // namespace studio::engine
