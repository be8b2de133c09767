#include "api/files/file_rules.h"

#include <gtest/gtest.h>

#include <set>

#include "base/ids.h"

namespace studio::api {
namespace {

TEST(FileRules, AnIdTellsTheRequestThatBroughtTheFile) {
  for (const char* purpose : {kPurposeBatch, kPurposeExtract, kPurposeTuning}) {
    const std::string request_id = new_uuid();
    std::set<std::string> ids;
    for (size_t number = 0; number < 12; ++number) {
      const std::string id = file_id_of(purpose, request_id, number);
      EXPECT_EQ(request_of_file(id), request_id) << id;
      ids.insert(id);
    }
    EXPECT_EQ(ids.size(), 12u);  // a form's files are not each other
  }
}

TEST(FileRules, OtherIdsNameNoRequest) {
  const std::string uuid = new_uuid();
  for (const std::string& id : {std::string(), std::string("file-batch-"), std::string("file-fe-0"), uuid.substr(1),
                                uuid + "-", uuid + "0", uuid + "01"}) {
    EXPECT_EQ(request_of_file(id), "") << id;
  }
}

}  // namespace
}  // namespace studio::api
