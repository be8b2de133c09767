# cmake -DDIST=FOLDER -DFALLBACK=FILE -DOUTPUT=FILE -P embed_console.cmake
#
# Writes a C++ file with every file of DIST, or with FALLBACK as index.html where DIST has none. The assembler copies
# the bytes (.incbin), which takes no time; NAME.gz beside NAME is its compressed form. Each digest stands in the text,
# so that other bytes under the same name make another source.
cmake_minimum_required(VERSION 3.25)
set(names)
if(EXISTS "${DIST}/index.html")
  file(GLOB_RECURSE names RELATIVE "${DIST}" "${DIST}/*")
  list(FILTER names EXCLUDE REGEX "\\.gz$")
  list(SORT names)
endif()

set(assembly "")
set(declarations "")
set(entries "")
set(number 0)

# Adds the bytes of a file under a symbol, and the expression that views them.
function(add_bytes path symbol view)
  string(APPEND assembly "  .balign 16\n  .global ${symbol}_begin\n  .global ${symbol}_end\n"
                         "${symbol}_begin:\n  .incbin \"${path}\"\n${symbol}_end:\n  .byte 0\n")
  string(APPEND declarations "extern const char ${symbol}_begin[], ${symbol}_end[];\n")
  set(assembly "${assembly}" PARENT_SCOPE)
  set(declarations "${declarations}" PARENT_SCOPE)
  set(${view} "{${symbol}_begin, static_cast<size_t>(${symbol}_end - ${symbol}_begin)}" PARENT_SCOPE)
endfunction()

function(add_file name path)
  set(symbol "studio_console_${number}")
  file(SHA256 "${path}" digest)
  add_bytes("${path}" "${symbol}" view)
  set(gzip_view "{}")
  if(EXISTS "${path}.gz")
    file(SHA256 "${path}.gz" gzip_digest)
    add_bytes("${path}.gz" "${symbol}_gz" gzip_view)
    string(APPEND declarations "// ${gzip_digest}\n")
  endif()
  string(APPEND entries "      {\"${name}\", \"${digest}\", ${view}, ${gzip_view}},\n")
  math(EXPR number "${number} + 1")
  foreach(variable assembly declarations entries number)
    set(${variable} "${${variable}}" PARENT_SCOPE)
  endforeach()
endfunction()

if(names)
  foreach(name IN LISTS names)
    add_file("${name}" "${DIST}/${name}")
  endforeach()
else()
  add_file("index.html" "${FALLBACK}")
endif()

file(WRITE "${OUTPUT}" "// Made by cmake/embed_console.cmake.
#include <array>

#include \"api/console/files.h\"

asm(R\"(
  .section .rodata
${assembly}  .previous
)\");

extern \"C\" {
${declarations}}

namespace studio::api::console {

std::span<const EmbeddedFile> embedded_files() {
  static const std::array<EmbeddedFile, ${number}> files = {{
${entries}  }};
  return files;
}

}  // namespace studio::api::console
")
