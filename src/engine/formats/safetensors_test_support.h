// For the readers' tests and fuzz targets: files built by hand, right or wrong.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace studio::engine {

// The header after its length, then `data_bytes` zeros.
inline std::vector<uint8_t> safetensors_bytes(std::string_view header, size_t data_bytes) {
  std::vector<uint8_t> bytes(8);
  const uint64_t length = header.size();
  std::memcpy(bytes.data(), &length, sizeof length);
  bytes.insert(bytes.end(), header.begin(), header.end());
  bytes.resize(bytes.size() + data_bytes);
  return bytes;
}

// One entry of the header: "a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}
inline std::string safetensors_entry(std::string_view name, std::string_view dtype, std::string_view shape,
                                     uint64_t begin, uint64_t end) {
  return "\"" + std::string(name) + R"(":{"dtype":")" + std::string(dtype) + R"(","shape":)" + std::string(shape) +
         R"(,"data_offsets":[)" + std::to_string(begin) + "," + std::to_string(end) + "]}";
}

}  // namespace studio::engine
