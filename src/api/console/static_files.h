// Embedded files as answers. Names that hold a digest of their bytes are kept for ever, all others are asked for again.
#pragma once

#include "api/console/files.h"
#include "http/message.h"

namespace studio::api::console {

// The file whole, gzip where the browser takes it, or 304 where it has it already.
http::Response file_response(const EmbeddedFile& file, const http::Request& request);

// What every answer to the page carries: nothing but our own files is loaded or run, no other page frames us, no type
// is guessed, no address leaks.
void add_page_guards(http::Response& response);

}  // namespace studio::api::console
