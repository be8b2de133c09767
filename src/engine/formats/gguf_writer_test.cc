#include "engine/formats/gguf_writer.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "engine/formats/block_codec.h"
#include "engine/formats/block_encode.h"

namespace studio::engine {
namespace {

TEST(GgufWriter, TensorsOfEveryTypeComeBack) {
  const uint64_t shape[] = {256, 3};
  std::vector<float> values(768);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 17) - 8.0f;
  GgufWriter writer;
  for (const DTypeTraits& traits : kDTypes) writer.add_tensor_f32(traits.name, traits.type, shape, values);
  auto bytes = writer.finish();
  ASSERT_TRUE(bytes.ok()) << bytes.error().message();
  auto file = GgufFile::parse(*bytes);
  ASSERT_TRUE(file.ok());
  ASSERT_EQ(file->tensors().size(), kDTypes.size());
  for (const DTypeTraits& traits : kDTypes) {
    const TensorInfo* tensor = file->find_tensor(traits.name);
    ASSERT_NE(tensor, nullptr);
    EXPECT_EQ(tensor->dtype, traits.type);
    EXPECT_TRUE(std::ranges::equal(tensor->data, encode_tensor(traits.type, values))) << traits.name;
  }
}

TEST(GgufWriter, CopiesEntriesOfAnotherFile) {
  GgufWriter first;
  first.add_string("s", "text");
  first.add_u64("u", 5);
  const std::string strings[] = {"", "b"};
  first.add_string_array("a", strings);
  auto original = first.finish();
  ASSERT_TRUE(original.ok());
  auto file = GgufFile::parse(*original);
  ASSERT_TRUE(file.ok());

  GgufWriter second;
  for (const MetadataEntry& entry : file->metadata()) second.add_entry(entry);
  auto copy = second.finish();
  ASSERT_TRUE(copy.ok());
  EXPECT_EQ(*copy, *original);
}

TEST(GgufWriter, RefusesWhatMakesNoFile) {
  const uint64_t shape[] = {32};
  GgufWriter wrong_size;
  wrong_size.add_tensor("w", DType::kQ8_0, shape, std::vector<uint8_t>(35));
  EXPECT_EQ(wrong_size.finish().error().message(), "GGUF: tensor w has 35 bytes, its shape wants 34");

  GgufWriter twice;
  twice.add_u32("k", 1);
  twice.add_u32("k", 2);
  EXPECT_FALSE(twice.finish().ok());

  GgufWriter aligned;
  aligned.add_u32("general.alignment", 64);
  EXPECT_EQ(aligned.finish().error().code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace studio::engine
