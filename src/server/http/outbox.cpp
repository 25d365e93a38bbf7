#include "server/http/outbox.h"

#include <utility>

namespace sagittal::server::http {
namespace {

constexpr std::uint16_t kTooSlow = 1013;  // "try again later"

}  // namespace

bool Outbox::has_room(std::size_t bytes, Loss loss) const {
  if (waiting_.empty() && sending_bytes_ == 0) return true;
  const std::size_t all = waiting_bytes_ + sending_bytes_ + bytes;
  if (loss == Loss::when_slow && (all > limits_.lossy_bytes || waiting_.size() >= limits_.lossy_messages)) return false;
  return all <= limits_.bytes && waiting_.size() < limits_.messages;
}

void Outbox::drop_lossy() {
  std::erase_if(waiting_, [this](const Item& item) {
    if (item.loss == Loss::never) return false;
    waiting_bytes_ -= item.text->size();
    return true;
  });
}

void Outbox::wake() {
  if (awake_ || !wake_) return;
  awake_ = true;
  wake_();
}

void Outbox::send(Text text, Loss loss) {
  const std::lock_guard lock(mutex_);
  if (closing_ || !wake_) return;
  const std::size_t bytes = text->size();
  if (!has_room(bytes, loss)) {
    if (loss == Loss::when_slow) return;
    drop_lossy();
  }
  if (has_room(bytes, loss)) {
    waiting_.push_back({std::move(text), loss});
    waiting_bytes_ += bytes;
  } else {
    waiting_.clear();
    waiting_bytes_ = 0;
    closing_ = Closing{kTooSlow, "too slow: read the session anew"};
  }
  wake();
}

void Outbox::close(std::uint16_t code, std::string_view reason) {
  const std::lock_guard lock(mutex_);
  if (closing_) return;
  closing_ = Closing{code, std::string(reason)};
  wake();
}

Outbox::Next Outbox::take() {
  const std::lock_guard lock(mutex_);
  sending_bytes_ = 0;
  if (waiting_.empty()) {
    awake_ = false;
    return {nullptr, closing_};
  }
  Next next{std::move(waiting_.front().text), std::nullopt};
  waiting_.pop_front();
  sending_bytes_ = next.text->size();
  waiting_bytes_ -= sending_bytes_;
  return next;
}

void Outbox::detach() {
  const std::lock_guard lock(mutex_);
  wake_ = nullptr;
  waiting_.clear();
  waiting_bytes_ = 0;
}

}  // namespace sagittal::server::http
