#pragma once
#include <memory>
#include <string>

namespace sagittal::nn::cpu::conv {

/// While one lives, a processor without AMX computes as if it had it: the kernel's signal for each unknown instruction
/// (SIGILL) is answered by what Intel's manual states (Software Developer's Manual, volume 2: LDTILECFG, TILEZERO,
/// TILELOADD, TILESTORED, TDPBF16PS, TILERELEASE), with tiles for each thread. So the very code that others' processors
/// run is tested; where this processor has AMX and lets the process use it, it does so itself. One at a time.
class TileEmulator {
 public:
  TileEmulator();
  ~TileEmulator();
  TileEmulator(const TileEmulator&) = delete;
  TileEmulator& operator=(const TileEmulator&) = delete;

  /// The first instruction that a processor would refuse (a tile without configuration, shapes that do not match), of
  /// any thread; empty if none. The instruction was skipped.
  static std::string fault();
  /// From now on products have an error, as a broken processor's: their pairs in the other order.
  static void break_products();
  /// What was emulated for any thread since this began.
  struct Counts {
    long configurations, loads, products, stores, releases;
  };
  static Counts counts();
};

}  // namespace sagittal::nn::cpu::conv
