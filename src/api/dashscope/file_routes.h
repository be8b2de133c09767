// Files of the DashScope dialect: POST, GET and DELETE under /api/v1/files.
#pragma once

#include "api/serving/services.h"
#include "http/router.h"
#include "store/files.h"

namespace studio::api::dashscope {

struct FileDesk {
  store::Files* files = nullptr;  // outlives the server, as what follows
  KeptAnswers* kept = nullptr;    // as Services has it
};

void add_file_routes(const FileDesk& desk, http::Router& router);

}  // namespace studio::api::dashscope
