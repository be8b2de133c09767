// Rows of the table of files, for what commits one together with something else. Private to store.
#pragma once

#include "store/files.h"
#include "store/sqlite.h"

namespace studio::store {

Status insert_file(Connection& connection, const StoredFile& file);

}  // namespace studio::store
