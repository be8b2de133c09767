// The engine's file formats for decode_parity.py to compare with the `gguf` Python package.
//
//   formats_tool decode TYPE        blocks of TYPE on standard input -> f32 values on standard output
//   formats_tool quantise TYPE      f32 values on standard input -> blocks of TYPE on standard output
//   formats_tool write FILE         writes a GGUF file with one tensor of every type and every kind of metadata
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "engine/formats/block_codec.h"
#include "engine/formats/gguf_writer.h"
#include "engine/formats/quantise.h"

namespace studio::engine {
namespace {

int decode(DType type) {
  // A chunk is whole blocks; the last may be shorter.
  std::vector<uint8_t> blocks(4096 * block_bytes(type));
  std::vector<float> values(4096 * block_elements(type));
  while (size_t bytes = std::fread(blocks.data(), 1, blocks.size(), stdin)) {
    size_t count = bytes / block_bytes(type) * block_elements(type);
    if (bytes % block_bytes(type) != 0) return 1;
    decode_row(type, blocks.data(), values.data(), count);
    if (std::fwrite(values.data(), sizeof(float), count, stdout) != count) return 1;
  }
  return 0;
}

int quantise(DType type) {
  std::vector<float> values(4096 * block_elements(type));
  std::vector<uint8_t> blocks(4096 * block_bytes(type));
  while (size_t count = std::fread(values.data(), sizeof(float), values.size(), stdin)) {
    if (count % block_elements(type) != 0) return 1;
    quantise_row(type, values.data(), blocks.data(), count);
    const size_t bytes = row_bytes(type, count);
    if (std::fwrite(blocks.data(), 1, bytes, stdout) != bytes) return 1;
  }
  return 0;
}

int write(const std::string& path) {
  GgufWriter writer;
  writer.add_string("general.architecture", "test");
  writer.add_u32("test.u32", 4'000'000'000u);
  writer.add_u64("test.u64", 1ull << 40);
  writer.add_i32("test.i32", -7);
  writer.add_f32("test.f32", 0.1f);
  writer.add_bool("test.bool", true);
  const std::string strings[] = {"a", "", "\xe4\xbd\xa0\xe5\xa5\xbd"};
  writer.add_string_array("test.strings", strings);
  const int32_t integers[] = {-1, 0, 1};
  writer.add_i32_array("test.integers", integers);
  const float floats[] = {-0.5f, 2.0f};
  writer.add_f32_array("test.floats", floats);
  // [3, 512]: element i of the tensor is i * 37 mod 101, in [-1, 1).
  std::vector<float> values(3 * 512);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i * 37 % 101) / 50.5f - 1.0f;
  const uint64_t shape[] = {512, 3};
  for (const DTypeTraits& traits : kDTypes) writer.add_tensor_f32(traits.name, traits.type, shape, values);
  Status status = writer.write(path);
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.error().message().c_str());
  return status.ok() ? 0 : 1;
}

int run(int argc, char** argv) {
  std::string_view verb = argc == 3 ? argv[1] : "";
  if (verb == "write") return write(argv[2]);
  if (verb == "decode") {
    if (auto type = dtype_from_name(argv[2])) return decode(*type);
  }
  if (verb == "quantise") {
    if (auto type = dtype_from_name(argv[2])) return quantise(*type);
  }
  std::fprintf(stderr, "usage: formats_tool decode TYPE | quantise TYPE | write FILE\n");
  return 2;
}

}  // namespace
}  // namespace studio::engine

int main(int argc, char** argv) {
  return studio::engine::run(argc, argv);
}
