# Language level, warnings, sanitizers and the floating-point rules that bit-identity rests on.
option(STUDIO_TESTS "Build the tests" OFF)
option(STUDIO_BENCH "Build the benchmarks" OFF)
option(STUDIO_FUZZ "Build the fuzz targets (clang, libFuzzer)" OFF)
set(STUDIO_SANITIZE "" CACHE STRING "Sanitizers for the whole build, e.g. address,undefined or thread")
option(STUDIO_SANITIZE_KERNELS "Sanitize the kernels of each instruction set as well (minutes of compiling)" OFF)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1 -DNDEBUG")
set(CMAKE_C_FLAGS_RELEASE "-O2 -g1 -DNDEBUG")
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

# A float expression means what it says on every machine: the compiler may neither fuse nor reorder. Kernels that
# want a fused multiply-add write one. No -march=native anywhere: kernel files name their instruction set themselves.
add_compile_options(-ffp-contract=off -fno-fast-math)
add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wno-unused-parameter -Werror=return-type -Werror=unused-result)
add_compile_definitions(BOOST_ALL_NO_LIB BOOST_ASIO_DISABLE_AWAITABLE_FRAME_RECYCLING)

if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_link_options(-fuse-ld=lld-19)
endif()
if(STUDIO_SANITIZE)
  add_compile_options(-fsanitize=${STUDIO_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${STUDIO_SANITIZE})
  # Indices of std containers are checked too; NDEBUG is not set, so that the libraries' own assertions hold.
  add_compile_definitions(STUDIO_SANITIZED=1 _GLIBCXX_ASSERTIONS)
  if(NOT STUDIO_SANITIZE_KERNELS)
    add_compile_options(-fsanitize-ignorelist=${PROJECT_SOURCE_DIR}/cmake/plain_kernels.txt)
  endif()
endif()
if(STUDIO_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)  # coverage of the libraries, which is what guides the fuzzer
  if(NOT STUDIO_SANITIZE_KERNELS)
    add_compile_options(-fsanitize-coverage-ignorelist=${PROJECT_SOURCE_DIR}/cmake/plain_kernels.txt)
  endif()
endif()
