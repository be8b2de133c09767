#include "engine/kernels/panel_matrix.h"

#include <cstring>
#include <string>

#include "engine/formats/block_fields.h"
#include "engine/kernels/panel_layout.h"
#include "engine/tensor/half.h"

namespace studio::engine {
namespace {

constexpr size_t kLine = 64;

size_t whole_lines(size_t bytes) {
  return (bytes + kLine - 1) / kLine * kLine;
}

struct Shape {
  size_t codes_offset;
  size_t panel_bytes;
};

Shape panel_shape(DType type, int64_t k) {
  if (!is_quantised(type)) return {0, whole_lines(static_cast<size_t>(k) * kPanelRows * block_bytes(type))};
  const PanelLayout layout = panel_layout(type);
  const auto blocks = static_cast<size_t>(k) / kActivationBlock;
  const size_t scales = whole_lines(blocks / layout.group_blocks() * layout.group_bytes());
  return {scales, scales + blocks * layout.code_bytes()};
}

// The 8 registers of a block before packing (panel_layout.h).
using Registers = uint8_t[8][64];

uint8_t* place_of(Registers& registers, int row, int k) {
  return &registers[k / 4][4 * row + k % 4];
}

void pack_nibbles(const Registers& w, uint8_t* out) {
  for (int v = 0; v < 4; ++v) {
    for (int i = 0; i < 64; ++i) {
      out[64 * v + i] = static_cast<uint8_t>((w[2 * v][i] & 15) | (w[2 * v + 1][i] & 15) << 4);
    }
  }
}

// Bits `shift` and shift + 1 of every code.
void pack_pairs(const Registers& w, int shift, uint8_t* out) {
  for (int h = 0; h < 2; ++h) {
    for (int i = 0; i < 64; ++i) {
      int byte = 0;
      for (int s = 0; s < 4; ++s) byte |= (w[4 * h + s][i] >> shift & 3) << 2 * s;
      out[64 * h + i] = static_cast<uint8_t>(byte);
    }
  }
}

// Bit `shift` of every code.
void pack_bits(const Registers& w, int shift, uint8_t* out) {
  for (int i = 0; i < 64; ++i) {
    int byte = 0;
    for (int j = 0; j < 8; ++j) byte |= (w[j][i] >> shift & 1) << j;
    out[i] = static_cast<uint8_t>(byte);
  }
}

void pack_codes(Codes codes, const Registers& w, uint8_t* out) {
  switch (codes) {
    case Codes::kN2:
      return pack_pairs(w, 0, out);
    case Codes::kN3:
      pack_pairs(w, 0, out);
      return pack_bits(w, 2, out + 128);
    case Codes::kN4:
    case Codes::kT4:
      return pack_nibbles(w, out);
    case Codes::kN5:
      pack_nibbles(w, out);
      return pack_bits(w, 4, out + 256);
    case Codes::kN6:
      pack_nibbles(w, out);
      return pack_pairs(w, 4, out + 256);
    case Codes::kB8:
      std::memcpy(out, w, sizeof w);
      return;
    case Codes::kNone:
      return;
  }
}

// The code of one row and k of a packed block: the inverse of pack_codes.
int code_at(Codes codes, const uint8_t* block, int row, int k) {
  const int j = k / 4, i = 4 * row + k % 4;
  auto nibble = [&] { return block[64 * (j / 2) + i] >> 4 * (j % 2) & 15; };
  auto pair = [&](int at) { return block[at + 64 * (j / 4) + i] >> 2 * (j % 4) & 3; };
  auto bit = [&](int at) { return block[at + i] >> j & 1; };
  switch (codes) {
    case Codes::kN2:
      return pair(0);
    case Codes::kN3:
      return pair(0) | bit(128) << 2;
    case Codes::kN4:
    case Codes::kT4:
      return nibble();
    case Codes::kN5:
      return nibble() | bit(256) << 4;
    case Codes::kN6:
      return nibble() | pair(256) << 4;
    case Codes::kB8:
      return block[64 * j + i];
    case Codes::kNone:
      break;
  }
  return 0;
}

// Where the scales of a row and block lie; sub points at its byte of half 0, half 1 is 16 bytes further.
template <typename Byte>
struct ScalePlace {
  Byte* factors;
  Byte* sub;
};

template <typename Byte>
ScalePlace<Byte> scale_place(const PanelLayout& layout, Byte* panel, size_t block, int row) {
  Byte* group = panel + block / layout.group_blocks() * layout.group_bytes();
  const size_t in_group = block % layout.group_blocks();
  return {group + 2 * row, group + layout.factor_bytes() + in_group * layout.sub_bytes() + row};
}

void put_scales(const PanelLayout& layout, const Scales32& s, ScalePlace<uint8_t> place) {
  std::memcpy(place.factors, &s.d_f16, 2);
  if (layout.has_min()) std::memcpy(place.factors + 2 * kPanelRows, &s.m_f16, 2);
  switch (layout.scales) {
    case Scales::kSub32:
      place.sub[0] = static_cast<uint8_t>(s.scale[0]);
      return;
    case Scales::kSub32Min:
      place.sub[0] = static_cast<uint8_t>(s.scale[0]);
      place.sub[kPanelRows] = s.min[0];
      return;
    case Scales::kSub16:
      for (int h = 0; h < 2; ++h) place.sub[h * kPanelRows] = static_cast<uint8_t>(s.scale[h]);
      return;
    case Scales::kSub16Min:
      for (int h = 0; h < 2; ++h) place.sub[h * kPanelRows] = static_cast<uint8_t>(s.scale[h] | s.min[h] << 4);
      return;
    case Scales::kF16:
    case Scales::kF16Min:
    case Scales::kNone:
      return;
  }
}

Scales32 get_scales(const PanelLayout& layout, ScalePlace<const uint8_t> place) {
  Scales32 s;
  std::memcpy(&s.d_f16, place.factors, 2);
  if (layout.has_min()) std::memcpy(&s.m_f16, place.factors + 2 * kPanelRows, 2);
  for (int h = 0; h < 2; ++h) {
    const uint8_t half = place.sub[layout.per_half() ? h * kPanelRows : 0];
    switch (layout.scales) {
      case Scales::kSub32:
      case Scales::kSub16:
        s.scale[h] = static_cast<int8_t>(half);
        break;
      case Scales::kSub32Min:
        s.scale[h] = static_cast<int8_t>(half);
        s.min[h] = place.sub[kPanelRows];
        break;
      case Scales::kSub16Min:
        s.scale[h] = half & 15;
        s.min[h] = half >> 4;
        break;
      case Scales::kF16:
      case Scales::kF16Min:
      case Scales::kNone:
        break;
    }
  }
  return s;
}

// Everything build() needs to repack any panel.
struct Repack {
  DType type;
  int64_t rows, k;
  const uint8_t* source;  // rows of row_bytes
  size_t row_bytes;
  Shape shape;
  uint8_t* panels;

  void panel(int64_t index) const {
    uint8_t* panel = panels + static_cast<size_t>(index) * shape.panel_bytes;
    const int64_t first = index * kPanelRows;
    const int rows_here = static_cast<int>(rows - first < kPanelRows ? rows - first : kPanelRows);
    const uint8_t* row = source + static_cast<size_t>(first) * row_bytes;
    if (is_quantised(type)) {
      quantised(panel, row, rows_here);
    } else {
      floats(panel, row, rows_here);
    }
  }

  void floats(uint8_t* panel, const uint8_t* row, int rows_here) const {
    const size_t element = block_bytes(type);
    for (int r = 0; r < rows_here; ++r, row += row_bytes) {
      for (size_t i = 0; i < static_cast<size_t>(k); ++i) {
        std::memcpy(panel + (i * kPanelRows + static_cast<size_t>(r)) * element, row + i * element, element);
      }
    }
  }

  void quantised(uint8_t* panel, const uint8_t* row, int rows_here) const {
    const PanelLayout layout = panel_layout(type);
    uint8_t* codes = panel + shape.codes_offset;
    for (size_t b = 0; b < static_cast<size_t>(k) / kActivationBlock; ++b, codes += layout.code_bytes()) {
      Registers registers = {};
      for (int r = 0; r < rows_here; ++r) {
        const uint8_t* source_row = row + static_cast<size_t>(r) * row_bytes;
        uint8_t q[kBlock32];
        unpack_block32(type, source_row, b, q);
        for (int i = 0; i < kActivationBlock; i += 4) std::memcpy(place_of(registers, r, i), q + i, 4);
        Scales32 scales;
        unpack_scales32(type, source_row, b, scales);
        put_scales(layout, scales, scale_place(layout, panel, b, r));
      }
      pack_codes(layout.codes, registers, codes);
    }
  }
};

Error bad_shape(const std::string& what) {
  return {Code::kInvalidArgument, "weight matrix: " + what};
}

Status check_shape(DType type, int64_t rows, int64_t k) {
  if (rows < 1 || rows > kMaxMatrixRows || k < 1 || k > kMaxMatrixK) return bad_shape("rows or columns out of range");
  if (static_cast<size_t>(k) % block_elements(type) != 0) return bad_shape("row length is no multiple of a block");
  return Ok{};
}

// One value of a quantised row, by the formulas of block_fields.h, each product and sum rounded once.
float value_of(DType type, const PanelLayout& layout, const Scales32& s, int half, int code) {
  const float d = f16_to_f32(s.d_f16), m = f16_to_f32(s.m_f16);
  if (layout.codes == Codes::kT4) {
    const float scaled = d * static_cast<float>(s.scale[half]);
    return scaled * static_cast<float>(kIq4NlValues[static_cast<size_t>(code)]);
  }
  switch (layout.scales) {
    case Scales::kF16Min:
      return d * static_cast<float>(code) + m;
    case Scales::kSub32Min:
    case Scales::kSub16Min:
      return d * static_cast<float>(s.scale[half]) * static_cast<float>(code) - m * static_cast<float>(s.min[half]);
    default:
      return d * static_cast<float>(s.scale[half]) * static_cast<float>(code - code_offset(type));
  }
}

}  // namespace

Result<PanelMatrix> PanelMatrix::build(DType type, int64_t rows, int64_t k, std::span<const uint8_t> gguf_rows,
                                       ThreadPool* pool) {
  STUDIO_CHECK_OK(check_shape(type, rows, k));
  const size_t bytes_per_row = row_bytes(type, static_cast<size_t>(k));
  if (gguf_rows.size() != bytes_per_row * static_cast<size_t>(rows)) return bad_shape("size of data does not match");

  const Shape shape = panel_shape(type, k);
  const int64_t panels = (rows + kPanelRows - 1) / kPanelRows;
  PanelMatrix matrix;
  matrix.memory_ = WeightMemory(shape.panel_bytes * static_cast<size_t>(panels));
  if (matrix.memory_.data() == nullptr) return Error(Code::kUnavailable, "not enough memory for the model's weights");
  matrix.view_ = {.type = type,
                  .rows = static_cast<int>(rows),
                  .k = static_cast<int>(k),
                  .data = matrix.memory_.data(),
                  .panel_bytes = shape.panel_bytes,
                  .codes_offset = shape.codes_offset};

  const Repack repack{type, rows, k, gguf_rows.data(), bytes_per_row, shape, matrix.memory_.data()};
  auto repack_range = [&](int64_t begin, int64_t end, int) {
    for (int64_t p = begin; p < end; ++p) repack.panel(p);
  };
  if (pool != nullptr) {
    pool->parallel_for(panels, 4, repack_range);
  } else {
    repack_range(0, panels, 0);
  }
  return matrix;
}

Result<PanelMatrix> PanelMatrix::borrow(DType type, int64_t rows, int64_t k, std::span<const uint8_t> panels) {
  STUDIO_CHECK_OK(check_shape(type, rows, k));
  const Shape shape = panel_shape(type, k);
  const auto count = static_cast<size_t>((rows + kPanelRows - 1) / kPanelRows);
  if (panels.size() != shape.panel_bytes * count) return bad_shape("size of panels does not match");
  if (reinterpret_cast<uintptr_t>(panels.data()) % kLine != 0) return bad_shape("panels are not aligned");
  PanelMatrix matrix;
  matrix.view_ = {.type = type,
                  .rows = static_cast<int>(rows),
                  .k = static_cast<int>(k),
                  .data = panels.data(),
                  .panel_bytes = shape.panel_bytes,
                  .codes_offset = shape.codes_offset};
  return matrix;
}

void PanelMatrix::decode_row(int row, float* out) const {
  const uint8_t* panel = view_.data + static_cast<size_t>(row / kPanelRows) * view_.panel_bytes;
  const int lane = row % kPanelRows;
  if (!is_quantised(view_.type)) {
    for (size_t i = 0; i < static_cast<size_t>(view_.k); ++i) {
      const size_t at = i * kPanelRows + static_cast<size_t>(lane);
      uint16_t half = 0;
      if (view_.type == DType::kF32) {
        std::memcpy(&out[i], panel + at * 4, 4);
        continue;
      }
      std::memcpy(&half, panel + at * 2, 2);
      out[i] = view_.type == DType::kF16 ? f16_to_f32(half) : bf16_to_f32(half);
    }
    return;
  }
  const PanelLayout layout = panel_layout(view_.type);
  const uint8_t* codes = panel + view_.codes_offset;
  for (size_t b = 0; b < static_cast<size_t>(view_.k) / kActivationBlock; ++b, codes += layout.code_bytes()) {
    const Scales32 scales = get_scales(layout, scale_place(layout, panel, b, lane));
    for (int i = 0; i < kActivationBlock; ++i) {
      const int half = i / static_cast<int>(kHalf16);
      *out++ = value_of(view_.type, layout, scales, half, code_at(layout.codes, codes, lane, i));
    }
  }
}

}  // namespace studio::engine
