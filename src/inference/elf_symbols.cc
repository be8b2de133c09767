#include "inference/elf_symbols.h"

#include <cxxabi.h>
#include <elf.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <span>

#include "base/file.h"

namespace studio::inference {
namespace {

constexpr size_t kMaxNameBytes = 200;  // of a template's name, which may take a page

using Bytes = std::span<const uint8_t>;

template <typename T>
std::optional<T> read(Bytes bytes, uint64_t offset) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

std::optional<Bytes> part(Bytes bytes, uint64_t offset, uint64_t size) {
  if (offset > bytes.size() || bytes.size() - offset < size) return std::nullopt;
  return bytes.subspan(offset, size);
}

std::string text_at(Bytes strings, uint64_t offset) {
  if (offset >= strings.size()) return {};
  const auto* begin = reinterpret_cast<const char*>(strings.data() + offset);
  return {begin, ::strnlen(begin, strings.size() - offset)};
}

std::string demangle(const std::string& name) {
  int status = 0;
  std::unique_ptr<char, decltype(&std::free)> plain(abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status),
                                                    &std::free);
  std::string text = status == 0 && plain ? plain.get() : name;
  if (text.size() > kMaxNameBytes) text = text.substr(0, kMaxNameBytes) + "...";
  return text;
}

Error corrupt() {
  return {Code::kCorruptData, "the program file has no readable symbols"};
}

}  // namespace

Result<ElfSymbols> ElfSymbols::open(const std::string& path) {
  STUDIO_TRY(auto file, MappedFile::open(path));
  const Bytes bytes = file.bytes();
  auto head = read<Elf64_Ehdr>(bytes, 0);
  if (!head || std::memcmp(head->e_ident, ELFMAG, SELFMAG) != 0 || head->e_ident[EI_CLASS] != ELFCLASS64) {
    return corrupt();
  }
  ElfSymbols symbols;
  for (uint64_t i = 0; i < head->e_shnum; ++i) {
    auto section = read<Elf64_Shdr>(bytes, head->e_shoff + i * sizeof(Elf64_Shdr));
    if (!section) return corrupt();
    if (section->sh_type != SHT_SYMTAB) continue;
    auto names = read<Elf64_Shdr>(bytes, head->e_shoff + section->sh_link * sizeof(Elf64_Shdr));
    auto table = part(bytes, section->sh_offset, section->sh_size);
    auto strings = names ? part(bytes, names->sh_offset, names->sh_size) : std::nullopt;
    if (!table || !strings) return corrupt();
    for (uint64_t at = 0; at + sizeof(Elf64_Sym) <= table->size(); at += sizeof(Elf64_Sym)) {
      const Elf64_Sym symbol = *read<Elf64_Sym>(*table, at);
      if (ELF64_ST_TYPE(symbol.st_info) != STT_FUNC || symbol.st_size == 0) continue;
      symbols.functions_.push_back({symbol.st_value, symbol.st_size, text_at(*strings, symbol.st_name)});
    }
  }
  std::sort(symbols.functions_.begin(), symbols.functions_.end(),
            [](const Function& a, const Function& b) { return a.begin < b.begin; });
  return symbols;
}

std::string ElfSymbols::name_of(uint64_t address) const {
  auto after = std::upper_bound(functions_.begin(), functions_.end(), address,
                                [](uint64_t value, const Function& function) { return value < function.begin; });
  if (after == functions_.begin()) return {};
  const Function& function = *std::prev(after);
  const uint64_t offset = address - function.begin;
  if (offset >= function.size) return {};
  char text[24];
  std::snprintf(text, sizeof text, "+0x%llx", static_cast<unsigned long long>(offset));
  return demangle(function.name) + text;
}

}  // namespace studio::inference
