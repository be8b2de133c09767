#include "api/files/file_sender.h"

#include <algorithm>
#include <mutex>

#include "base/log.h"

namespace studio::api {
namespace {

std::string_view as_text(const std::vector<uint8_t>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class FileSender : public std::enable_shared_from_this<FileSender> {
 public:
  FileSender(std::shared_ptr<http::Exchange> exchange, UnmappedFile file,
             std::function<void(std::function<void()>)> post)
      : exchange_(std::move(exchange)), file_(std::move(file)), post_(std::move(post)) {}

  void start(http::Response head) {
    exchange_->begin(std::move(head), "");
    exchange_->on_drain([weak = weak_from_this()] {
      auto self = weak.lock();
      if (self) self->post_([self] { self->send(); });  // the disk is not for an I/O thread
    });
    exchange_->on_gone([weak = weak_from_this()] {
      auto self = weak.lock();
      if (self) self->stop_waiting();
    });
    send();
  }

 private:
  // Until the connection has enough. The exchange's callback holds no sender: what waits for a reader does.
  void send() {
    std::scoped_lock lock(mutex_);
    while (!is_over_ && !exchange_->gone()) {
      if (at_ == file_.size()) return end();
      if (exchange_->congested()) {
        if (!exchange_->gone()) waiting_ = shared_from_this();
        if (exchange_->gone()) waiting_.reset();  // it left in between
        return;
      }
      auto piece = file_.read(at_, std::min<uint64_t>(kFilePieceBytes, file_.size() - at_));
      if (!piece.ok()) {
        log::error("files.read_failed",
                   {{"request_id", exchange_->request().request_id}, {"why", piece.error().message()}});
        is_over_ = true;
        waiting_.reset();
        return exchange_->abort();
      }
      at_ += piece->size();
      exchange_->write(as_text(*piece));
    }
    waiting_.reset();
  }

  void stop_waiting() {
    std::scoped_lock lock(mutex_);
    waiting_.reset();
  }

  void end() {
    is_over_ = true;
    waiting_.reset();
    exchange_->finish();
  }

  const std::shared_ptr<http::Exchange> exchange_;
  const UnmappedFile file_;
  const std::function<void(std::function<void()>)> post_;
  std::mutex mutex_;  // of what follows
  uint64_t at_ = 0;
  bool is_over_ = false;
  std::shared_ptr<FileSender> waiting_;
};

}  // namespace

void send_file(std::shared_ptr<http::Exchange> exchange, UnmappedFile file, http::Response head,
               std::function<void(std::function<void()>)> post) {
  if (exchange->request().method == http::Method::kHead) return exchange->respond(std::move(head));
  if (file.size() > kMaxWholeFileBytes) {
    std::make_shared<FileSender>(std::move(exchange), std::move(file), std::move(post))->start(std::move(head));
    return;
  }
  auto bytes = file.read(0, file.size());
  if (bytes.ok()) head.body = as_text(*bytes);
  // Cut short on the disk since it was opened: the exchange, dropped, says that the server failed.
  if (bytes.ok()) exchange->respond(std::move(head));
}

}  // namespace studio::api
