#include "nn/cuda/shared_card.h"

#include <algorithm>
#include <chrono>

namespace sagittal::nn::cuda {

std::shared_ptr<SharedCard> share(std::shared_ptr<Card> card) { return std::make_shared<SharedCard>(std::move(card)); }

std::size_t SharedCard::busy() const {
  const std::lock_guard lock(mutex_);
  return line_.size();
}

void SharedCard::leave(const Turn* turn) {
  {
    const std::lock_guard lock(mutex_);
    line_.erase(std::find(line_.begin(), line_.end(), turn));
  }
  changed_.notify_all();
}

SharedCard::Turn::Turn(SharedCard& shared, const RunControl& control) : shared_(shared) {
  constexpr std::chrono::milliseconds look_up{20};  // whether to stop
  {
    std::unique_lock lock(shared_.mutex_);
    shared_.line_.push_back(this);
    while (shared_.line_.front() != this && !control.cancel.cancelled()) shared_.changed_.wait_for(lock, look_up);
  }
  try {
    control.check();
    if (!shared_.queue_) shared_.queue_ = shared_.card_->make_queue();
  } catch (...) {
    shared_.leave(this);
    throw;
  }
}

SharedCard::Turn::~Turn() { shared_.leave(this); }

CardMemory SharedCard::Turn::arena(std::size_t bytes) const {
  if (bytes > shared_.arena_bytes_) {
    shared_.arena_.reset();  // not both
    shared_.arena_bytes_ = 0;
    shared_.arena_ = shared_.card_->allocate(bytes);
    shared_.arena_bytes_ = bytes;
  }
  return shared_.arena_;
}

}  // namespace sagittal::nn::cuda
