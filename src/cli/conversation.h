// A conversation in the terminal or through a pipe: lines in, answers out, commands that begin with '/'.
//
// The commands are those of `ollama run` where they mean something here: /bye, /clear, /load, /set, /show, /?.
#pragma once

#include <string>

#include "cli/command.h"

namespace studio::cli {

// Until the input ends or a command leaves. An empty model is the default one.
Result<int> talk(Context& context, const std::string& model, const std::string& system);

}  // namespace studio::cli
