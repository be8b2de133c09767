#include "engine/constrain/id_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace studio::engine::constrain {
namespace {

// Hashes of few values, so that many ids share one: what stands for an id is its value, looked for one by one.
TEST(IdTable, FindsWhatALinearSearchFinds) {
  for (const uint64_t hashes : {1u, 7u, 5'000u}) {
    std::mt19937_64 random(hashes);
    IdTable table;
    std::vector<uint64_t> values;  // [id]
    const auto hash_of = [&](uint64_t value) { return value % hashes * 0x9E3779B97F4A7C15u; };
    for (int i = 0; i < 1'500; ++i) {
      const uint64_t value = random() % 3'000;
      const auto at = std::ranges::find(values, value);
      const uint32_t found = table.find(hash_of(value), [&](uint32_t id) { return values[id] == value; });
      ASSERT_EQ(found, at == values.end() ? IdTable::kNone : static_cast<uint32_t>(at - values.begin()));
      if (found != IdTable::kNone) continue;
      table.add(hash_of(value), static_cast<uint32_t>(values.size()));
      values.push_back(value);
    }
    EXPECT_GE(table.memory_bytes(), values.size() * 2 * sizeof(uint64_t));
  }
}

}  // namespace
}  // namespace studio::engine::constrain
