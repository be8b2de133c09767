#include "api/files/upload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "store/test_folder.h"

namespace studio::api {
namespace {

using testing::HasSubstr;

class UploadTest : public testing::Test {
 protected:
  std::unique_ptr<Upload> read(const std::string& body, UploadLimits limits = {.files = 2, .file_bytes = 10},
                               const char* type = "multipart/form-data; boundary=b") {
    http::Request head;
    head.fields.add("Content-Type", type);
    auto upload = std::make_unique<Upload>(*files_, head, limits);
    for (size_t at = 0; at < body.size(); at += 7) upload->take(std::string_view(body).substr(at, 7));
    return upload;
  }
  static std::string part(const std::string& disposition, const std::string& bytes) {
    return "--b\r\nContent-Disposition: form-data; " + disposition + "\r\n\r\n" + bytes + "\r\n";
  }
  std::string refusal(const std::string& body, UploadLimits limits = {.files = 2, .file_bytes = 10}) {
    Status status = read(body, limits)->finish();
    return status.ok() ? "" : status.error().message();
  }

  store::TestFolder folder_;
  std::shared_ptr<store::Store> store_ = store::Store::open(folder_.path()).value();
  std::unique_ptr<store::Files> files_ = store::Files::open(store_, folder_.inner("files")).value();
};

TEST_F(UploadTest, KeepsFieldsAndFiles) {
  auto upload =
      read(part("name=purpose", "batch") + part("name=file; filename=\"C:\\up\\a.txt\"", "0123456789") + "--b--");
  ASSERT_TRUE(upload->finish().ok());
  EXPECT_THAT(upload->texts(), testing::ElementsAre(testing::Pair("purpose", "batch")));
  ASSERT_EQ(upload->files().size(), 1u);
  Upload::File& file = upload->files().front();
  EXPECT_EQ(file.name, "a.txt");
  const auto kept = files_->keep(std::move(*file.draft), {.file_id = "id", .owner = "k"}).value();
  EXPECT_EQ(kept.size_bytes, 10);
}

TEST_F(UploadTest, KnowsTheBytesOfWhatIsCompared) {
  http::Request head;
  head.fields.add("Content-Type", "multipart/form-data; boundary=b");
  Upload upload(*files_, head, {.files = 1, .file_bytes = 10, .has_digests = true});
  upload.take(part("name=file; filename=a", "0123456789"));
  upload.take("--b--");
  ASSERT_TRUE(upload.finish().ok());
  EXPECT_EQ(upload.files().front().digest->finish(), sha256("0123456789"));
}

TEST_F(UploadTest, MarksAFileThatIsTooLargeAndKeepsTheOthers) {
  auto upload = read(part("name=file; filename=a", "0123456789x") + part("name=file; filename=b", "ok") + "--b--");
  ASSERT_TRUE(upload->finish().ok());
  EXPECT_TRUE(upload->files()[0].is_too_large);
  EXPECT_FALSE(upload->files()[0].draft);
  EXPECT_EQ(upload->files()[1].draft->size_bytes(), 2);
}

TEST_F(UploadTest, AFileThatItsKeyHasNoRoomForIsMarkedAndNothingOfItStays) {
  const UploadLimits limits{.files = 2, .file_bytes = 10, .has_digests = true, .of_key = {.files = 9, .bytes = 12}};
  auto upload =
      read(part("name=file; filename=a", "0123456789") + part("name=file; filename=b", "abc") + "--b--", limits);
  ASSERT_TRUE(upload->finish().ok());
  EXPECT_FALSE(upload->files()[0].refusal);
  Upload::File& refused = upload->files()[1];
  EXPECT_EQ(refused.refusal->code(), Code::kQuotaExceeded);
  EXPECT_FALSE(refused.draft);
  EXPECT_EQ(refused.size_bytes, 3);
  EXPECT_EQ(refused.digest->finish(), sha256("abc"));  // it may be one that is there already
  const auto names = std::filesystem::directory_iterator(folder_.path() + "/files");
  EXPECT_EQ(std::distance(begin(names), end(names)), 1);
}

TEST_F(UploadTest, TellsWhatIsWrongWhenAllOfItIsRead) {
  EXPECT_THAT(refusal(part("name=a", std::string(kMaxFormFieldBytes + 1, 'x')) + "--b--"),
              HasSubstr("needs a file name"));
  EXPECT_THAT(refusal(part("name=a; filename=x", "1") + part("name=b; filename=y", "2") +
                      part("name=c; filename=z", "3") + "--b--"),
              HasSubstr("may hold 2 files"));
  EXPECT_THAT(refusal(part("name=a; filename=\"\"", "1") + "--b--"), HasSubstr("file name"));
  EXPECT_THAT(refusal(part("name=a; filename=\"\xff\"", "1") + "--b--"), HasSubstr("file name"));
  EXPECT_THAT(refusal(part("name=a; filename=\"a%0D\"", "1") + "--b--"), HasSubstr("file name"));
  EXPECT_THAT(refusal(part("name=a; filename=x", "1")), HasSubstr("ends before"));
  EXPECT_THAT(read("{}", {}, "application/json")->finish().error().message(), HasSubstr("multipart/form-data"));
  std::string fields;
  for (size_t i = 0; i <= kMaxFormFields; ++i) fields += part("name=a", "x");
  EXPECT_THAT(refusal(fields + "--b--"), HasSubstr("too many fields"));
}

TEST_F(UploadTest, LeavesNothingOfWhatWasRefused) {
  auto upload = read(part("name=a; filename=x", "1") + "--bad");
  EXPECT_FALSE(upload->finish().ok());
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path() + "/files"));
}

}  // namespace
}  // namespace studio::api
