#pragma once
#include <functional>
#include <memory>
#include <thread>

#include "base/progress.h"
#include "interact/model.h"

namespace sagittal::server {

/// Warms a model's network up once, on a thread of its own with the lowest priority. Stops where `busy()`, which is
/// asked between the network's layers, says that someone predicts, and when it is destroyed.
class Warmer {
 public:
  Warmer(std::shared_ptr<const interact::Model> model, std::function<bool()> busy);
  ~Warmer();
  Warmer(const Warmer&) = delete;
  Warmer& operator=(const Warmer&) = delete;

 private:
  const CancelToken cancel_;
  std::thread thread_;
};

}  // namespace sagittal::server
