# studio_sqlite: SQLite's amalgamation, fetched once by scripts/fetch_sqlite.sh (which pins version and digests).
set(sqlite_dir "${PROJECT_BINARY_DIR}/third_party/sqlite")
execute_process(
  COMMAND "${PROJECT_SOURCE_DIR}/scripts/fetch_sqlite.sh" "${sqlite_dir}"
  RESULT_VARIABLE sqlite_result ERROR_VARIABLE sqlite_error)
if(NOT sqlite_result EQUAL 0)
  message(FATAL_ERROR "SQLite's source is not at hand: ${sqlite_error}"
    "It is needed once; run the configure step again with the package registry reachable.")
endif()

add_library(studio_sqlite STATIC "${sqlite_dir}/sqlite3.c")
target_include_directories(studio_sqlite SYSTEM PUBLIC "${sqlite_dir}")
target_link_libraries(studio_sqlite PUBLIC Threads::Threads ${CMAKE_DL_LIBS})
target_compile_options(studio_sqlite PRIVATE -w)
if(STUDIO_SANITIZE OR STUDIO_FUZZ)
  # Its own project does that; what we hand over is seen by the sanitizers' own memcpy, malloc and mutexes.
  target_compile_options(studio_sqlite PRIVATE -fno-sanitize=all)
endif()
target_compile_definitions(studio_sqlite PRIVATE
  SQLITE_THREADSAFE=1                # serialized: a connection may be handed between threads
  SQLITE_DQS=0                       # "text" in double quotes is an error, not a string
  SQLITE_DEFAULT_FOREIGN_KEYS=1
  SQLITE_DEFAULT_SYNCHRONOUS=2       # FULL, also in WAL mode: a commit survives a power cut
  SQLITE_DEFAULT_WAL_SYNCHRONOUS=2
  SQLITE_DEFAULT_MEMSTATUS=0
  SQLITE_MAX_EXPR_DEPTH=100          # no unbounded recursion over a statement
  SQLITE_LIKE_DOESNT_MATCH_BLOBS
  SQLITE_TRUSTED_SCHEMA=0
  SQLITE_OMIT_LOAD_EXTENSION
  SQLITE_OMIT_DEPRECATED
  SQLITE_OMIT_SHARED_CACHE
  SQLITE_ENABLE_API_ARMOR            # misuse is an error code, not undefined behaviour
  SQLITE_ENABLE_FTS5
  HAVE_USLEEP=1)
