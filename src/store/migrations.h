// The schema and its history: numbered, forward only, each applied once and remembered with its checksum.
#pragma once

#include <span>

#include "store/sqlite.h"

namespace studio::store {

struct Migration {
  int number;  // 1, 2, 3, ...; never reused
  const char* name;
  Sql script;
};

// Every migration of this program, in order.
std::span<const Migration> all_migrations();

// Applies those that are missing, each in a transaction of its own.
// Errors: failed_precondition when the file was written by a newer program or holds a migration with another text.
Status migrate(Connection& connection, std::span<const Migration> migrations);

}  // namespace studio::store
