// Rows of the table of usage, for what commits one together with something else. Private to store.
#pragma once

#include "store/sqlite.h"
#include "store/store.h"

namespace studio::store {

// Of a request id that is there already: nothing changes, and that is ok.
Status insert_usage(Connection& connection, const Usage& usage);

}  // namespace studio::store
