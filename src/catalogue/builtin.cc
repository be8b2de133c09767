#include "catalogue/builtin.h"

// The assembler copies the files into read-only data; CMake names the folder and rebuilds this when they change.
asm(R"(
  .section .rodata
  .balign 64
  .global studio_builtin_catalogue_begin
  .global studio_builtin_catalogue_end
  .global studio_builtin_model_begin
  .global studio_builtin_model_end
studio_builtin_catalogue_begin:
  .incbin ")" STUDIO_CATALOGUE_DIR R"(/models.json"
studio_builtin_catalogue_end:
  .balign 64
studio_builtin_model_begin:
  .incbin ")" STUDIO_CATALOGUE_DIR R"(/builtin/tiny-qwen3.gguf"
studio_builtin_model_end:
  .byte 0
  .previous
)");

extern "C" {
extern const uint8_t studio_builtin_catalogue_begin[], studio_builtin_catalogue_end[];
extern const uint8_t studio_builtin_model_begin[], studio_builtin_model_end[];
}

namespace studio::catalogue {

std::string_view builtin_catalogue() {
  return {reinterpret_cast<const char*>(studio_builtin_catalogue_begin),
          static_cast<size_t>(studio_builtin_catalogue_end - studio_builtin_catalogue_begin)};
}

std::span<const uint8_t> builtin_model() {
  return {studio_builtin_model_begin, studio_builtin_model_end};
}

}  // namespace studio::catalogue
