// Whether this process may use AMX int8 tiles.
#pragma once

namespace studio::engine {

// What is missing, as the end of a sentence, or null: "the processor has no AMX". The first call asks Linux for the
// permission, which holds for every thread of the process, those already running included; none may touch a tile
// before.
const char* amx_obstacle();

}  // namespace studio::engine
