// Tokens to the tree, by the grammar of Jinja's parser.
#pragma once

#include <memory>
#include <string_view>

#include "engine/templates/ast.h"

namespace studio::engine::jinja {

// Fails (Failure, with the line) on syntax, on nesting over kMaxNesting, and (unimplemented) on statements that the
// subset lacks. Recurses at most kMaxNesting deep; a 128 KiB stack is enough.
std::unique_ptr<const Program> parse(std::string_view source);

}  // namespace studio::engine::jinja
