# The console inside the program: what console/build.sh has put into build/console/dist, or one page that says that
# nothing is there. Sets studio_console_source, a C++ file that carries the bytes.
set(console_dist "${PROJECT_SOURCE_DIR}/build/console/dist")
set(console_fallback "${PROJECT_SOURCE_DIR}/console/not_built.html")
set(studio_console_source "${CMAKE_CURRENT_BINARY_DIR}/embedded_files.cc")

file(GLOB_RECURSE console_files CONFIGURE_DEPENDS "${console_dist}/*")
add_custom_command(
  OUTPUT "${studio_console_source}"
  COMMAND "${CMAKE_COMMAND}" "-DDIST=${console_dist}" "-DFALLBACK=${console_fallback}"
          "-DOUTPUT=${studio_console_source}" -P "${PROJECT_SOURCE_DIR}/cmake/embed_console.cmake"
  DEPENDS "${PROJECT_SOURCE_DIR}/cmake/embed_console.cmake" "${console_fallback}" ${console_files}
  COMMENT "Embedding the console" VERBATIM)
