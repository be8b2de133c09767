// SQLite's C API with owners, errors as values, and statements that are literals.
//
// A statement's text is a compile-time constant (Sql has only a consteval constructor), so text from outside can reach
// the database as a bound value alone. Prepared statements are kept by the connection, one per literal.
//
// Threads: one at a time per connection. Errors: unavailable (disk full, locked), corrupt_data (the file is damaged),
// conflict (a constraint), internal. A failed fsync ends the process: what the kernel dropped cannot be asked for
// twice.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace studio::store {

class Sql {
 public:
  consteval Sql(const char* literal) : text_(literal) {}  // NOLINT(google-explicit-constructor)
  const char* c_str() const { return text_; }

 private:
  const char* text_;
};

using Bytes = std::span<const uint8_t>;
using Value = std::variant<std::nullptr_t, int64_t, std::string_view, Bytes>;

// The current row of a query; valid inside the callback.
class Row {
 public:
  explicit Row(sqlite3_stmt* statement) : statement_(statement) {}
  int64_t integer(int column) const;
  std::string text(int column) const;
  std::vector<uint8_t> bytes(int column) const;

 private:
  sqlite3_stmt* statement_;
};

class Connection {
 public:
  // Makes the file (mode 0600) if it is not there; write-ahead log, synchronous=FULL, checkpoints only by checkpoint().
  static Result<Connection> open(const std::string& path);

  Connection(Connection&&) noexcept;
  Connection& operator=(Connection&&) noexcept;
  ~Connection();

  Status execute(Sql sql, std::initializer_list<Value> values = {});
  Status query(Sql sql, std::initializer_list<Value> values, const std::function<void(const Row&)>& on_row);
  // Several statements, nothing bound: for the schema.
  Status run_script(Sql script);

  int64_t changed_rows() const;   // by the last execute()
  int64_t log_pages() const;      // in the write-ahead log after the last commit
  Status checkpoint(bool empty);  // moves the log into the file; `empty` also cuts the log to nothing

 private:
  struct State;
  explicit Connection(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// "3.53.2": the library in use.
std::string_view sqlite_version();

}  // namespace studio::store
