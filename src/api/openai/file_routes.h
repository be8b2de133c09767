// Files of the OpenAI dialect: POST, GET and DELETE under /files.
#pragma once

#include <boost/json/object.hpp>
#include <functional>

#include "api/serving/field_tables.h"
#include "api/serving/services.h"
#include "http/router.h"
#include "store/files.h"

namespace studio::api::openai {

struct FileDesk {
  store::Files* files = nullptr;  // outlives the server, as what follows
  KeptAnswers* kept = nullptr;    // as Services has it
  std::function<void(std::function<void()>)> post;
};

void add_file_routes(const FileDesk& desk, http::Router& router);

EndpointFields file_fields();  // what an upload's form holds, as data

boost::json::object file_object(const store::StoredFile& file);

}  // namespace studio::api::openai
