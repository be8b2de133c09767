#include "api/batches/line_run.h"

namespace studio::api::batches {

std::shared_ptr<LineRun> LineRun::start(Services services, LineCall call, Done done) {
  const LineDoor door = call.door;
  std::shared_ptr<LineRun> run(new LineRun(std::move(call), std::move(done)));
  services.usage = run;
  if (door.handler) {
    door.handler(services, run);
  } else {  // the endpoint was there when the batch was made
    run->respond(
        door.refusal(Error(Code::kNotFound, "This server has no such endpoint any more."), run->request_.request_id));
  }
  return run;
}

LineRun::LineRun(LineCall call, Done done) : call_(std::move(call)), done_(std::move(done)) {
  request_.method = http::Method::kPost;
  request_.path = request_.route = call_.endpoint;
  request_.request_id = call_.request_id;
  request_.principal = call_.owner;
  request_.peer = "batch";
  request_.body = std::move(call_.body);
}

// As over a connection: a handler that lets go of it unanswered makes an error of ours.
LineRun::~LineRun() {
  fail();
}

void LineRun::cancel() {
  std::function<void()> callback;
  {
    std::scoped_lock lock(mutex_);
    if (is_cancelled_) return;
    is_cancelled_ = true;
    callback = std::move(on_gone_);
  }
  if (callback) callback();
}

void LineRun::respond(http::Response response) {
  deliver(response.status, std::move(response.body));
}

void LineRun::begin(http::Response, std::string) {
  fail();
  cancel();
}

bool LineRun::gone() const {
  std::scoped_lock lock(mutex_);
  return is_cancelled_;
}

void LineRun::on_gone(std::function<void()> callback) {
  {
    std::scoped_lock lock(mutex_);
    if (!is_cancelled_) {
      on_gone_ = std::move(callback);
      return;
    }
  }
  callback();
}

Status LineRun::record(const inference::UsageRecord& record) {
  std::scoped_lock lock(mutex_);
  usage_ = record;
  return Ok{};
}

void LineRun::fail() {
  http::Response response =
      call_.door.refusal(Error(Code::kInternal, "The server failed to answer this request."), call_.request_id);
  deliver(response.status, std::move(response.body));
}

void LineRun::deliver(int status, std::string body) {
  Done done;
  LineOutcome outcome;
  {
    std::scoped_lock lock(mutex_);
    if (!done_) return;
    done = std::exchange(done_, nullptr);
    outcome = {.call = call_, .status = status, .body = std::move(body), .usage = std::move(usage_)};
    outcome.call.body = request_.body;  // for another try
  }
  done(std::move(outcome));
}

}  // namespace studio::api::batches
