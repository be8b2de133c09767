// Files made to hurt: one per limit and per class of published attack on GGUF readers, then damage at every place.
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "engine/formats/gguf_test_support.h"
#include "engine/formats/gguf_writer.h"

namespace studio::engine {
namespace {

constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();

// The error's message, or "accepted".
std::string refusal(const RawGguf& raw) {
  auto bytes = raw.take();
  auto file = GgufFile::parse(bytes);
  return file.ok() ? "accepted" : file.error().message();
}

// One tensor "w", 4096 bytes of room for it, no metadata.
RawGguf with_tensor(std::initializer_list<uint64_t> shape, DType type, uint64_t offset) {
  return RawGguf(1, 0).tensor("w", shape, type, offset).pad().zeros(4096);
}

TEST(HostileGguf, RefusesWhatIsNoGguf) {
  EXPECT_EQ(GgufFile::parse({}).error().message(), "GGUF: the file does not start with the GGUF magic");
  std::vector<uint8_t> zeros(100);
  EXPECT_FALSE(GgufFile::parse(zeros).ok());
  EXPECT_EQ(refusal(RawGguf(0, 0, 1)), "GGUF: version 1 is not read, only 2 and 3");
  EXPECT_EQ(refusal(RawGguf(0, 0, 4)), "GGUF: version 4 is not read, only 2 and 3");
  EXPECT_EQ(refusal(RawGguf(0, 0, 3u << 24)), "GGUF: big-endian files are not read");
  EXPECT_EQ(refusal(RawGguf(0, 0)), "accepted");
}

// TALOS-2024-1914 and 1915, CVE-2024-23496: counts and lengths believed before they are checked.
TEST(HostileGguf, RefusesCountsThatTheFileCannotHold) {
  EXPECT_EQ(refusal(RawGguf(kMax, 0)), "GGUF: the file declares 18446744073709551615 tensors");
  EXPECT_EQ(refusal(RawGguf(65'537, 0)), "GGUF: the file declares 65537 tensors");
  EXPECT_EQ(refusal(RawGguf(0, 65'537)), "GGUF: the file declares 65537 metadata keys");
  const std::string too_short = "GGUF: the file is too short for the tensors and metadata it declares";
  EXPECT_EQ(refusal(RawGguf(65'536, 0)), too_short);
  EXPECT_EQ(refusal(RawGguf(0, 65'536)), too_short);
}

TEST(HostileGguf, RefusesStringsOverTheirLimitOrPastTheEnd) {
  const std::string bad_key = "GGUF: metadata key 0 is too long or runs past the end of the file";
  EXPECT_EQ(refusal(RawGguf(0, 1).u64(kMax).zeros(64)), bad_key);
  EXPECT_EQ(refusal(RawGguf(0, 1).u64(1000).zeros(64)), bad_key);
  EXPECT_EQ(refusal(RawGguf(0, 1).key(std::string(65'536, 'k'), GgufType::kUint8).zeros(64)), bad_key);
  EXPECT_EQ(refusal(RawGguf(0, 1).key(std::string(65'535, 'k'), GgufType::kUint8).bytes({1})), "accepted");
  EXPECT_EQ(refusal(RawGguf(0, 1).key("", GgufType::kUint8).zeros(64)), "GGUF: metadata key 0 is empty");

  const std::string bad_value = "GGUF: the string of \"k\" is too long or runs past the end of the file";
  EXPECT_EQ(refusal(RawGguf(0, 1).key("k", GgufType::kString).u64(kMax - 7).zeros(64)), bad_value);
  EXPECT_EQ(refusal(RawGguf(0, 1).key("k", GgufType::kString).u64((16u << 20) + 1).zeros((16u << 20) + 1)), bad_value);
  EXPECT_EQ(refusal(RawGguf(0, 1).key("k", GgufType::kString).u64(16u << 20).zeros(16u << 20)), "accepted");
}

TEST(HostileGguf, RefusesArraysOverTheirLimitOrPastTheEnd) {
  auto array = [](GgufType element, uint64_t count, size_t bytes) {
    return RawGguf(0, 1).key("k", GgufType::kArray).u32(static_cast<uint32_t>(element)).u64(count).zeros(bytes);
  };
  EXPECT_EQ(refusal(array(GgufType::kUint8, 4'194'304, 4'194'304)), "accepted");
  EXPECT_EQ(refusal(array(GgufType::kUint8, 4'194'305, 4'194'305)),
            "GGUF: \"k\" declares an array of 4194305 elements");
  EXPECT_EQ(refusal(array(GgufType::kUint64, 1ull << 61, 64)),  // the size in bytes wraps to 0
            "GGUF: \"k\" declares an array of 2305843009213693952 elements");
  EXPECT_EQ(refusal(array(GgufType::kUint64, 9, 64)), "GGUF: the value of \"k\" runs past the end of the file");
  EXPECT_EQ(refusal(array(GgufType::kString, 9, 64)), "GGUF: string 8 of \"k\" is too long or runs past the file");
  EXPECT_EQ(refusal(array(GgufType::kArray, 1, 64)), "GGUF: \"k\" is an array of arrays");
  EXPECT_EQ(refusal(array(static_cast<GgufType>(13), 1, 64)), "GGUF: \"k\" has the unknown value type 13");
}

TEST(HostileGguf, RefusesValuesOutsideTheirType) {
  EXPECT_EQ(refusal(RawGguf(0, 1).string("k").u32(99).zeros(8)), "GGUF: \"k\" has the unknown value type 99");
  EXPECT_EQ(refusal(RawGguf(0, 1).key("k", GgufType::kBool).bytes({2})),
            "GGUF: \"k\" holds a boolean that is neither 0 nor 1");
  EXPECT_EQ(refusal(RawGguf(0, 1).key("k", GgufType::kArray).u32(7).u64(3).bytes({0, 1, 255})),
            "GGUF: \"k\" holds a boolean that is neither 0 nor 1");
}

// CVE-2025-0317 (alignment 0 divides by zero) and the unbounded alignment.
TEST(HostileGguf, RefusesAlignmentsThatAreNoModeratePowerOfTwo) {
  for (uint32_t alignment : {0u, 1u, 4u, 24u, 33u, 131'072u, 0x80000000u, 0xffffffffu}) {
    EXPECT_EQ(refusal(RawGguf(0, 1).entry_u32("general.alignment", alignment)),
              "GGUF: \"general.alignment\" is " + std::to_string(alignment) + ", not a power of two from 8 to 65536");
  }
  for (uint32_t alignment : {8u, 32u, 65'536u}) {
    EXPECT_EQ(refusal(RawGguf(0, 1).entry_u32("general.alignment", alignment)), "accepted");
  }
  EXPECT_EQ(refusal(RawGguf(0, 1).key("general.alignment", GgufType::kString).string("32")),
            "GGUF: \"general.alignment\" is of type string, not an integer");
}

TEST(HostileGguf, RefusesDuplicateKeysAndTensors) {
  EXPECT_EQ(refusal(RawGguf(0, 3).entry_u32("b", 1).entry_u32("a", 1).entry_u32("b", 2)),
            "GGUF: the metadata key \"b\" stands twice in the file");
  EXPECT_EQ(refusal(RawGguf(2, 0).tensor("w", {1}, DType::kF32, 0).tensor("w", {1}, DType::kF32, 32).zeros(256)),
            "GGUF: the tensor \"w\" stands twice in the file");
}

TEST(HostileGguf, RefusesShapesThatAreNone) {
  EXPECT_EQ(refusal(with_tensor({}, DType::kF32, 0)), "GGUF: tensor \"w\" has 0 dimensions, not 1 to 4");
  EXPECT_EQ(refusal(with_tensor({1, 1, 1, 1, 1}, DType::kF32, 0)), "GGUF: tensor \"w\" has 5 dimensions, not 1 to 4");
  EXPECT_EQ(refusal(RawGguf(1, 0).string("w").u32(0xffffffff).zeros(4096)),
            "GGUF: tensor \"w\" has 4294967295 dimensions, not 1 to 4");
  EXPECT_EQ(refusal(with_tensor({4, 0}, DType::kF32, 0)), "GGUF: tensor \"w\" has a dimension of 0");
  EXPECT_EQ(refusal(with_tensor({1, 1, 1, 1}, DType::kF32, 0)), "accepted");
}

TEST(HostileGguf, RefusesNamesOverTheirLimit) {
  EXPECT_EQ(refusal(RawGguf(1, 0).tensor(std::string(64, 'w'), {1}, DType::kF32, 0).pad().zeros(4)), "accepted");
  EXPECT_EQ(refusal(RawGguf(1, 0).tensor(std::string(65, 'w'), {1}, DType::kF32, 0).pad().zeros(4)),
            "GGUF: the name of tensor 0 is too long or runs past the file");
  EXPECT_EQ(refusal(RawGguf(1, 0).tensor("", {1}, DType::kF32, 0).pad().zeros(4)), "GGUF: tensor 0 has no name");
}

TEST(HostileGguf, RefusesRowsThatAreNotWholeBlocks) {
  EXPECT_EQ(refusal(with_tensor({48, 2}, DType::kQ4_0, 0)),
            "GGUF: tensor \"w\" has rows of 48 elements, not a multiple of the 32 of a Q4_0 block");
  EXPECT_EQ(refusal(with_tensor({896}, DType::kQ4_K, 0)),
            "GGUF: tensor \"w\" has rows of 896 elements, not a multiple of the 256 of a Q4_K block");
}

TEST(HostileGguf, NamesTypesItDoesNotRead) {
  auto bytes = RawGguf(1, 0).tensor("w", {256}, static_cast<DType>(16), 0).pad().zeros(4096).take();
  auto file = GgufFile::parse(bytes);
  ASSERT_FALSE(file.ok());
  EXPECT_EQ(file.error().code(), Code::kUnimplemented);
  EXPECT_EQ(file.error().message(), "GGUF: tensor \"w\" has type 16 (IQ2_XXS), which is not read");
  EXPECT_EQ(refusal(with_tensor({256}, static_cast<DType>(4), 0)),
            "GGUF: tensor \"w\" has type 4 (unknown), which is not read");
}

// CVE-2025-53630, CVE-2026-27940 and CVE-2026-33298: sizes that wrap to something small.
TEST(HostileGguf, RefusesSizesThatOverflow) {
  const std::string overflows = "GGUF: the size of tensor \"w\" overflows 64 bits";
  EXPECT_EQ(refusal(with_tensor({1ull << 62}, DType::kF32, 0)), overflows);        // wraps to 0
  EXPECT_EQ(refusal(with_tensor({(1ull << 62) + 1}, DType::kF32, 0)), overflows);  // wraps to 4
  EXPECT_EQ(refusal(with_tensor({1ull << 32, 1ull << 32}, DType::kF32, 0)), overflows);
  EXPECT_EQ(refusal(with_tensor({1ull << 16, 1ull << 16, 1ull << 16, 1ull << 16}, DType::kF16, 0)), overflows);
  EXPECT_EQ(refusal(with_tensor({kMax}, DType::kF16, 0)), overflows);
  EXPECT_EQ(refusal(with_tensor({1ull << 60, 8, 8}, DType::kQ4_0, 0)), overflows);
}

// CVE-2026-7482: a tensor declared larger than the file; offsets whose sum with the size or the padding wraps.
TEST(HostileGguf, RefusesTensorsOutsideTheFile) {
  const std::string past = "GGUF: tensor \"w\" runs past the end of the file";
  EXPECT_EQ(refusal(with_tensor({1024}, DType::kF32, 0)), "accepted");
  EXPECT_EQ(refusal(with_tensor({1025}, DType::kF32, 0)), past);
  EXPECT_EQ(refusal(with_tensor({1024}, DType::kF32, 32)), past);
  EXPECT_EQ(refusal(with_tensor({1}, DType::kF32, kMax - 31)), past);
  EXPECT_EQ(refusal(with_tensor({8}, DType::kF32, kMax - 95)), past);
  EXPECT_EQ(refusal(with_tensor({1ull << 61}, DType::kF32, 0)), past);
  EXPECT_EQ(refusal(RawGguf(1, 0).tensor("w", {1}, DType::kF32, 0)), past);
  EXPECT_EQ(refusal(with_tensor({1}, DType::kF32, 4)),
            "GGUF: the offset of tensor \"w\" is not a multiple of the alignment 32");
}

TEST(HostileGguf, RefusesTensorsThatOverlap) {
  auto two = [](uint64_t first, uint64_t second) {
    return RawGguf(2, 0).tensor("a", {16}, DType::kF32, first).tensor("b", {16}, DType::kF32, second).pad().zeros(256);
  };
  EXPECT_EQ(refusal(two(0, 64)), "accepted");
  EXPECT_EQ(refusal(two(64, 0)), "accepted");
  EXPECT_EQ(refusal(two(0, 32)), "GGUF: tensors \"a\" and \"b\" overlap");
  EXPECT_EQ(refusal(two(32, 0)), "GGUF: tensors \"b\" and \"a\" overlap");
  EXPECT_NE(refusal(two(64, 64)), "accepted");
}

// ---- damage ------------------------------------------------------------------------------------------------------

// A model in small: every kind of metadata, a tensor of every type.
std::vector<uint8_t> small_model() {
  GgufWriter writer;
  writer.add_string("general.architecture", "qwen3");
  writer.add_u32("general.alignment", 32);
  writer.add_f32("qwen3.rope.freq_base", 1e6f);
  writer.add_bool("tokenizer.ggml.add_bos_token", false);
  const std::string tokens[] = {"<|a|>", "b", "", "\xff"};
  writer.add_string_array("tokenizer.ggml.tokens", tokens);
  const int32_t kinds[] = {3, 1, 1, 1};
  writer.add_i32_array("tokenizer.ggml.token_type", kinds);
  const uint64_t shape[] = {256, 2};
  std::vector<float> values(512, 0.25f);
  for (const DTypeTraits& traits : kDTypes) writer.add_tensor_f32(traits.name, traits.type, shape, values);
  auto bytes = writer.finish();
  EXPECT_TRUE(bytes.ok()) << bytes.error().message();
  return *bytes;
}

// Whatever comes out is a file that can be read whole or an error with a reason.
bool answers(const std::vector<uint8_t>& bytes) {
  auto file = GgufFile::parse(bytes);
  if (!file.ok()) return !file.error().message().empty();
  walk_everything(*file);
  return true;
}

TEST(DamagedGguf, AnswersWhereverItIsCut) {
  auto whole = small_model();
  auto file = GgufFile::parse(whole);
  ASSERT_TRUE(file.ok());
  auto last = file->tensors().back().data;
  size_t needed = static_cast<size_t>(last.data() - whole.data()) + last.size();
  for (size_t size = 0; size < whole.size(); ++size) {
    std::vector<uint8_t> cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
    ASSERT_TRUE(answers(cut)) << "cut at " << size;
    if (size < needed) {
      ASSERT_FALSE(GgufFile::parse(cut).ok()) << "cut at " << size;
    }
  }
}

TEST(DamagedGguf, RefusesAMebibyteCutAtAnyByte) {
  const uint64_t shape[] = {512, 512};
  GgufWriter writer;
  writer.add_string("general.architecture", "qwen3");
  writer.add_tensor("w", DType::kF32, shape, std::vector<uint8_t>(1 << 20));
  auto bytes = writer.finish();
  ASSERT_TRUE(bytes.ok());
#if defined(STUDIO_SANITIZED)
  constexpr size_t kStep = 31;  // a 31st of the cuts: half a minute otherwise; a prime, so that every alignment is met
#else
  constexpr size_t kStep = 1;
#endif
  for (size_t size = 0; size < bytes->size(); size += kStep) {
    ASSERT_FALSE(GgufFile::parse(std::span(*bytes).first(size)).ok()) << "cut at " << size;
  }
}

TEST(DamagedGguf, AnswersWhicheverHeaderBitIsFlipped) {
  auto bytes = small_model();
  auto file = GgufFile::parse(bytes);
  ASSERT_TRUE(file.ok());
  size_t header = static_cast<size_t>(file->tensors().front().data.data() - bytes.data());
  for (size_t bit = 0; bit < 8 * header; ++bit) {
    bytes[bit / 8] ^= static_cast<uint8_t>(1u << bit % 8);
    ASSERT_TRUE(answers(bytes)) << "bit " << bit;
    bytes[bit / 8] ^= static_cast<uint8_t>(1u << bit % 8);
  }
}

}  // namespace
}  // namespace studio::engine
