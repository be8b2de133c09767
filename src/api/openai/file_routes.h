// Files of the OpenAI dialect: POST, GET and DELETE under /files.
#pragma once

#include <boost/json/object.hpp>

#include "api/serving/services.h"
#include "http/router.h"
#include "store/files.h"

namespace studio::api::openai {

// `files` outlives the server.
void add_file_routes(const Services& services, store::Files& files, http::Router& router);

boost::json::object file_object(const store::StoredFile& file);

}  // namespace studio::api::openai
