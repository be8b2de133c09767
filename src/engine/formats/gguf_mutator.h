// For fuzz targets whose input is a GGUF file: a field becomes wrong, or another right value, and all around it stays
// where a reader looks for it.
//
// Flipped bytes mostly shift what follows them, and the reader stops at the first length. Here the file is taken apart
// as far as it makes sense, one or a few of its parts change (a type, a count, a dimension, an offset, a value, the
// order), and it is put together again with the lengths that belong to it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutator.h"
#include "engine/formats/byte_reader.h"
#include "engine/formats/gguf.h"
#include "engine/formats/gguf_internal.h"

namespace studio::fuzz {

class GgufMutator : Mutator {
 public:
  explicit GgufMutator(unsigned seed) : Mutator(seed) {}

  // The changed file; empty where the bytes do not even begin as one.
  std::string mutate(std::string_view bytes) {
    if (!take_apart({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()})) return {};
    for (uint32_t changes = 1 + below(3); changes-- > 0;) change();
    return put_together();
  }

 private:
  // Everything as declared, right or wrong.
  struct Entry {
    std::string key;
    uint32_t type = 0;
    uint32_t element = 0;  // of an array
    uint64_t count = 0;    // of an array
    std::string payload;   // of a string without its length
  };
  struct Tensor {
    std::string name;
    std::vector<uint64_t> shape;
    uint32_t type = 0;
    uint64_t offset = 0;
  };
  static constexpr uint32_t kString = 8, kArray = 9;
  static constexpr size_t kMaxParts = 512;  // more cost the fuzzer more than they find

  uint64_t number() {
    static constexpr uint64_t kTelling[] = {0,
                                            1,
                                            2,
                                            3,
                                            4,
                                            8,
                                            16,
                                            31,
                                            32,
                                            33,
                                            64,
                                            255,
                                            256,
                                            65'535,
                                            65'536,
                                            1u << 20,
                                            0x7fffffff,
                                            0x80000000,
                                            0xffffffff,
                                            1ull << 32,
                                            1ull << 60,
                                            1ull << 62,
                                            (1ull << 62) + 1,
                                            1ull << 63,
                                            ~0ull,
                                            ~0ull - 31};
    return below(4) == 0 ? below(1000) : kTelling[below(std::size(kTelling))];
  }

  // ---- reading

  static std::string text_of(std::span<const uint8_t> bytes) { return {bytes.begin(), bytes.end()}; }

  // Bytes of `count` values of a type; for strings what their lengths say.
  static bool take_values(engine::ByteReader& reader, uint32_t type, uint64_t count, std::string& out) {
    if (type > static_cast<uint32_t>(engine::GgufType::kFloat64) || count > engine::kMaxArrayElements) return false;
    for (uint64_t i = 0; type == kString && i < count; ++i) {
      auto text = reader.read_string(engine::kMaxStringBytes);
      if (!text) return false;
      const uint64_t size = text->size();
      out.append(reinterpret_cast<const char*>(&size), sizeof size).append(*text);
    }
    if (type == kString) return true;
    auto bytes = reader.read_bytes(count * engine::fixed_size(static_cast<engine::GgufType>(type)));
    if (bytes) out = text_of(*bytes);
    return bytes.has_value();
  }

  static bool take_entry(engine::ByteReader& reader, Entry& entry) {
    auto key = reader.read_string(engine::kMaxKeyBytes);
    auto type = reader.read<uint32_t>();
    if (!key || !type) return false;
    entry.key = *key;
    entry.type = *type;
    if (*type == kArray) {
      auto element = reader.read<uint32_t>();
      auto count = reader.read<uint64_t>();
      if (!element || !count || *element == kArray) return false;
      entry.element = *element;
      entry.count = *count;
      return take_values(reader, *element, *count, entry.payload);
    }
    if (*type != kString) return take_values(reader, *type, 1, entry.payload);
    auto text = reader.read_string(engine::kMaxStringBytes);
    if (text) entry.payload = *text;
    return text.has_value();
  }

  static bool take_tensor(engine::ByteReader& reader, Tensor& tensor) {
    auto name = reader.read_string(engine::kMaxTensorNameBytes);
    auto dims = reader.read<uint32_t>();
    if (!name || !dims || *dims > 8) return false;
    tensor.name = *name;
    for (uint32_t i = 0; i < *dims; ++i) tensor.shape.push_back(reader.read<uint64_t>().value_or(0));
    auto type = reader.read<uint32_t>();
    auto offset = reader.read<uint64_t>();
    if (!type || !offset) return false;
    tensor.type = *type;
    tensor.offset = *offset;
    return true;
  }

  bool take_apart(std::span<const uint8_t> bytes) {
    engine::ByteReader reader(bytes);
    auto magic = reader.read<uint32_t>();
    auto version = reader.read<uint32_t>();
    auto tensors = reader.read<uint64_t>();
    auto entries = reader.read<uint64_t>();
    if (!magic || !version || !tensors || !entries) return false;
    magic_ = *magic;
    version_ = *version;
    bool goes_on = true;
    for (uint64_t i = 0; goes_on && i < *entries && i < kMaxParts; ++i) {
      Entry entry;
      if ((goes_on = take_entry(reader, entry))) entries_.push_back(std::move(entry));
    }
    for (uint64_t i = 0; goes_on && i < *tensors && i < kMaxParts; ++i) {
      Tensor tensor;
      if ((goes_on = take_tensor(reader, tensor))) tensors_.push_back(std::move(tensor));
    }
    extra_entries_ = *entries - entries_.size();
    extra_tensors_ = *tensors - tensors_.size();
    const uint64_t data = (reader.position() + alignment_ - 1) / alignment_ * alignment_;
    if (data < bytes.size()) data_ = text_of(bytes.subspan(data));
    return true;
  }

  // ---- changing

  void change() {
    if (below(40) == 0) return change_header();
    if (!tensors_.empty() && below(2) == 0) return change_tensor(tensors_[below(tensors_.size())]);
    if (!entries_.empty()) return change_entry(entries_[below(entries_.size())]);
    change_header();
  }

  void change_header() {
    switch (below(6)) {
      case 0:
        version_ = static_cast<uint32_t>(below(5));
        break;
      case 1:
        extra_entries_ += uint64_t{below(3)} - 1;
        break;
      case 2:
        extra_tensors_ += uint64_t{below(3)} - 1;
        break;
      case 3:
        extra_tensors_ = number();
        break;
      case 4:
        magic_ ^= 1u << below(32);
        break;
      default:
        data_.resize(below(data_.size() + 64));
        break;
    }
  }

  void change_entry(Entry& entry) {
    switch (below(10)) {
      case 0:
        entry.type = below(15);
        break;
      case 1:
        entry.element = below(15);
        break;
      case 2:
        entry.count = below(2) == 0 ? number() : entry.count + below(3) - 1;
        break;
      case 3:
        entry.payload = mutated(entry.payload);
        break;
      case 4:
      case 5:
        set_number(entry);
        break;
      case 6:
        entry.key = below(2) == 0 ? entries_[below(entries_.size())].key : mutated(entry.key);
        break;
      case 7:
        std::swap(entry.payload, entries_[below(entries_.size())].payload);
        break;
      case 8:
        entries_.push_back(Entry(entry));
        break;
      default:
        entries_.erase(entries_.begin() + static_cast<ptrdiff_t>(&entry - entries_.data()));
        break;
    }
  }

  // A number stays a number of its size; an array loses or gains an element and says so.
  void set_number(Entry& entry) {
    const bool is_array = entry.type == kArray;
    const uint32_t type = is_array ? entry.element : entry.type;
    if (is_array && type == kString) return drop_last_text(entry);
    const size_t size = type <= 12 ? engine::fixed_size(static_cast<engine::GgufType>(type)) : 0;
    if (size == 0 || entry.payload.size() < size) return;
    const size_t at = below(entry.payload.size() / size) * size;
    if (is_array && below(3) == 0) {
      entry.payload.erase(at, size);
      --entry.count;
    } else if (is_array && below(2) == 0) {
      entry.payload.append(entry.payload, at, size);
      ++entry.count;
    } else {
      const uint64_t value = number();
      std::memcpy(entry.payload.data() + at, &value, size);
    }
  }

  static void drop_last_text(Entry& entry) {
    size_t last = 0;
    for (size_t at = 0; at + 8 <= entry.payload.size();) {
      uint64_t size = 0;
      std::memcpy(&size, entry.payload.data() + at, sizeof size);
      last = at;
      if (size > entry.payload.size()) break;
      at += 8 + static_cast<size_t>(size);
    }
    if (entry.payload.empty()) return;
    entry.payload.resize(last);
    --entry.count;
  }

  void change_tensor(Tensor& tensor) {
    switch (below(9)) {
      case 0:
        tensor.type = below(40);
        break;
      case 1:
        if (!tensor.shape.empty()) tensor.shape[below(tensor.shape.size())] = number();
        break;
      case 2:
        if (!tensor.shape.empty()) tensor.shape[below(tensor.shape.size())] += uint64_t{32} * below(3) - 32;
        break;
      case 3:
        tensor.shape.resize(below(6), 1);
        break;
      case 4:
        tensor.offset = below(2) == 0 ? number() : tensor.offset + uint64_t{32} * below(5) - 64;
        break;
      case 5:
        tensor.name = below(2) == 0 ? tensors_[below(tensors_.size())].name : mutated(tensor.name);
        break;
      case 6:
        std::swap(tensor.shape, tensors_[below(tensors_.size())].shape);
        break;
      case 7:
        tensors_.push_back(Tensor(tensor));
        break;
      default:
        data_ = mutated(data_);
        break;
    }
  }

  // ---- writing

  template <typename T>
  void add(T value) {
    out_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void add_text(const std::string& text) { out_ += text; }

  std::string put_together() {
    add(magic_);
    add(version_);
    add(tensors_.size() + extra_tensors_);
    add(entries_.size() + extra_entries_);
    for (const Entry& entry : entries_) {
      add<uint64_t>(entry.key.size());
      add_text(entry.key);
      add(entry.type);
      if (entry.type == kArray) {
        add(entry.element);
        add(entry.count);
      } else if (entry.type == kString) {
        add<uint64_t>(entry.payload.size());
      }
      add_text(entry.payload);
    }
    for (const Tensor& tensor : tensors_) {
      add<uint64_t>(tensor.name.size());
      add_text(tensor.name);
      add(static_cast<uint32_t>(tensor.shape.size()));
      for (uint64_t length : tensor.shape) add(length);
      add(tensor.type);
      add(tensor.offset);
    }
    while (out_.size() % alignment_ != 0) out_.push_back('\0');
    add_text(data_);
    return std::move(out_);
  }

  const uint64_t alignment_ = engine::kDefaultAlignment;
  uint32_t magic_ = 0, version_ = 0;
  uint64_t extra_entries_ = 0, extra_tensors_ = 0;  // declared beyond those that are there, modulo 2^64
  std::vector<Entry> entries_;
  std::vector<Tensor> tensors_;
  std::string data_;
  std::string out_;
};

}  // namespace studio::fuzz
