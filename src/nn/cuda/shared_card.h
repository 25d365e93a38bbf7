#pragma once
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>

#include "base/progress.h"
#include "nn/cuda/network.h"

namespace sagittal::nn::cuda {

class SharedCard {
 public:
  explicit SharedCard(std::shared_ptr<Card> card) : card_(std::move(card)) {}

  Card& card() const { return *card_; }
  /// Runs that compute or wait here. Any thread.
  std::size_t busy() const;

  /// The card to oneself: whoever asks first has it first.
  class Turn {
   public:
    /// Waits; throws Error(cancelled) when asked to stop.
    Turn(SharedCard& shared, const RunControl& control);
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn();

    Card& card() const { return *shared_.card_; }
    Queue& queue() const { return *shared_.queue_; }
    /// The arena, which is made anew where it is smaller. Recordings hold for the arena they were made with.
    CardMemory arena(std::size_t bytes) const;

   private:
    SharedCard& shared_;
  };

 private:
  void leave(const Turn* turn);

  std::shared_ptr<Card> card_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<const Turn*> line_;  // guarded by mutex_; the first has the card, and what follows
  std::unique_ptr<Queue> queue_;
  CardMemory arena_;
  std::size_t arena_bytes_ = 0;
};

}  // namespace sagittal::nn::cuda
