// Files of the DashScope dialect: POST, GET and DELETE under /api/v1/files.
#pragma once

#include "http/router.h"
#include "store/files.h"

namespace studio::api::dashscope {

void add_file_routes(store::Files& files, http::Router& router);  // `files` outlives the server

}  // namespace studio::api::dashscope
