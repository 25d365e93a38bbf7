#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "base/buffer_pool.h"
#include "base/log.h"
#include "nn/cpu/network.h"
#include "nn/cuda/card.h"
#include "nn/cuda/network.h"
#include "nn/device/choice.h"

namespace sagittal::nn {

/// How cards are found and networks made for them.
struct CardDriver {
  using Cards = std::vector<std::shared_ptr<cuda::SharedCard>>;

  bool built_in;  ///< this program was built with CUDA
  std::function<std::vector<std::shared_ptr<cuda::Card>>()> open;
  std::function<std::shared_ptr<cuda::SharedCard>(std::shared_ptr<cuda::Card>)> share;
  std::function<std::shared_ptr<const Network>(const UNet&, const StateDict&, Cards)> make_network;
};
CardDriver own_driver();

/// What the networks of a process run on, opened once and handed to whoever makes networks. Any thread.
class Devices {
 public:
  /// `cuda`: throws Error(unsupported) where this program cannot use cards, Error(not_found) where there is none or not
  /// the one that is asked for, Error(internal) where one computes wrongly. `automatic`: cards that are not used though
  /// this program could are logged, with the reason. A small network is run on each card and on the processor.
  explicit Devices(DeviceChoice choice, LogSink log = {}, CardDriver driver = own_driver());

  /// The network on all its cards, and on the processor for runs that their memory is short for; without cards as
  /// nn/cpu/shared_arena.h makes it.
  std::shared_ptr<const Network> make_network(const UNet& network, const StateDict& weights,
                                              const cpu::CpuOptions& options, std::shared_ptr<BufferPool> arenas) const;

 private:
  void open_chosen();
  void open_those_that_agree();
  std::shared_ptr<const Network> try_cards(const UNet& network, const StateDict& weights) const;

  const DeviceChoice choice_;
  const LogSink log_;
  const CardDriver driver_;
  CardDriver::Cards cards_;  // empty: the processor
};

/// `devices` null: the processor.
struct NetworkOptions : cpu::CpuOptions {
  std::shared_ptr<const Devices> devices = nullptr;
};

/// `Devices::make_network` of the options' devices.
std::shared_ptr<const Network> make_network(const UNet& network, const StateDict& weights,
                                            const NetworkOptions& options, std::shared_ptr<BufferPool> arenas);

}  // namespace sagittal::nn
