#include "nn/tile_emulator.h"

#include <signal.h>
#include <ucontext.h>

#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace sagittal::nn::cpu::conv {
namespace {

constexpr int kTiles = 8, kRows = 16, kRowBytes = 64;

std::atomic<const char*> first_fault = nullptr;
std::atomic<bool> broken = false;
std::atomic<long> configurations, loads, products, stores, releases;

/// Denormal numbers are zeros, of inputs and results.
float flushed(float x) { return std::fpclassify(x) == FP_SUBNORMAL ? std::copysign(0.0F, x) : x; }
float widened(std::uint32_t bf16) { return flushed(std::bit_cast<float>(bf16 << 16)); }

struct Tile {
  int rows = 0, row_bytes = 0;
  std::uint8_t data[kRows][kRowBytes]{};

  std::uint32_t word(int row, int i) const {
    std::uint32_t x;
    std::memcpy(&x, data[row] + 4 * i, sizeof(x));
    return x;
  }
};

/// The tiles of one thread.
struct State {
  bool configured = false;
  Tile tiles[kTiles];

  const char* configure(const std::uint8_t* memory);
  const char* load(int tile, const std::uint8_t* memory, std::int64_t stride);
  const char* store(int tile, std::uint8_t* memory, std::int64_t stride) const;
  const char* zero(int tile);
  const char* multiply_add(int sums, int lines, int words);

 private:
  const char* refused(int tile) const {
    return !configured             ? "tiles without configuration"
           : tile >= kTiles        ? "a tile that there is not"
           : tiles[tile].rows == 0 ? "a tile without rows"
                                   : nullptr;
  }
};
constinit thread_local State state;

const char* State::configure(const std::uint8_t* memory) {
  *this = {};
  const int palette = memory[0];
  if (palette == 0) return nullptr;
  if (palette != 1) return "a palette that there is not";
  for (int i = 1; i < 16; ++i) {
    if (memory[i] != 0) return "a reserved or resumed configuration";
  }
  for (int tile = 0; tile < 16; ++tile) {
    const int rows = memory[48 + tile], row_bytes = memory[16 + 2 * tile] | memory[17 + 2 * tile] << 8;
    const int most = tile < kTiles ? 1 : 0;
    if (rows > most * kRows || row_bytes > most * kRowBytes || (rows == 0) != (row_bytes == 0)) return "a forged shape";
    if (tile < kTiles) tiles[tile] = {rows, row_bytes};
  }
  configured = true;
  ++configurations;
  return nullptr;
}

const char* State::load(int tile, const std::uint8_t* memory, std::int64_t stride) {
  if (const char* reason = refused(tile)) return reason;
  Tile& t = tiles[tile];
  std::memset(t.data, 0, sizeof(t.data));
  for (int row = 0; row < t.rows; ++row) std::memcpy(t.data[row], memory + row * stride, t.row_bytes);
  ++loads;
  return nullptr;
}

const char* State::store(int tile, std::uint8_t* memory, std::int64_t stride) const {
  if (const char* reason = refused(tile)) return reason;
  const Tile& t = tiles[tile];
  for (int row = 0; row < t.rows; ++row) std::memcpy(memory + row * stride, t.data[row], t.row_bytes);
  ++stores;
  return nullptr;
}

const char* State::zero(int tile) {
  if (const char* reason = refused(tile)) return reason;
  std::memset(tiles[tile].data, 0, sizeof(tiles[tile].data));
  return nullptr;
}

const char* State::multiply_add(int sums, int lines, int words) {
  for (const int tile : {sums, lines, words}) {
    if (const char* reason = refused(tile)) return reason;
  }
  if (sums == lines || sums == words || lines == words) return "a tile twice in a product";
  Tile& c = tiles[sums];
  const Tile &a = tiles[lines], &b = tiles[words];
  if ((c.row_bytes | a.row_bytes | b.row_bytes) % 4 != 0) return "rows that are no whole words";
  if (c.rows != a.rows || c.row_bytes != b.row_bytes || a.row_bytes / 4 != b.rows) return "shapes that do not match";
  for (int row = 0; row < c.rows; ++row) {
    std::array<float, 2 * kRowBytes / 4> partial{};  // of even and of odd numbers
    for (int k = 0; k < b.rows; ++k) {
      const std::uint32_t pair = broken ? std::rotl(a.word(row, k), 16) : a.word(row, k);
      const float even = widened(pair & 0xffff), odd = widened(pair >> 16);
      for (int i = 0; i < c.row_bytes / 4; ++i) {
        const std::uint32_t word = b.word(k, i);
        float& sum = partial[static_cast<std::size_t>(2 * i)];
        float& odd_sum = partial[static_cast<std::size_t>(2 * i + 1)];
        sum = flushed(std::fma(even, widened(word & 0xffff), sum));
        odd_sum = flushed(std::fma(odd, widened(word >> 16), odd_sum));
      }
    }
    for (int i = 0; i < c.row_bytes / 4; ++i) {
      const auto at = static_cast<std::size_t>(2 * i);
      const float old = flushed(std::bit_cast<float>(c.word(row, i)));
      const float sum = flushed(old + flushed(partial[at] + partial[at + 1]));
      std::memcpy(c.data[row] + 4 * i, &sum, sizeof(sum));
    }
  }
  ++products;
  return nullptr;
}

/// An instruction with a VEX prefix of three bytes from the map 0F38, and its operands.
class Instruction {
 public:
  Instruction(const std::uint8_t* code, const greg_t* registers) : registers_(registers) {
    known = code[0] == 0xc4 && (code[1] & 0x1f) == 2 && (code[2] & 0x84) == 0;  // W0, L0
    if (!known) return;
    prefix = code[2] & 3;
    vex = ~code[2] >> 3 & 15;
    opcode = code[3];
    mode = code[4] >> 6;
    reg = (code[4] >> 3 & 7) | ((code[1] & 0x80) == 0 ? 8 : 0);
    rm = (code[4] & 7) | ((code[1] & 0x20) == 0 ? 8 : 0);
    length = 5;
    if (mode != 3) find_memory(code, (code[1] & 0x40) == 0 ? 8 : 0);
  }

  bool known;
  int prefix = 0, vex = 0, opcode = 0, mode = 0, reg = 0, rm = 0, length = 0;
  std::uint8_t* base = nullptr;  ///< with displacement
  std::int64_t index = 0;        ///< scaled

 private:
  std::int64_t value(int number) const {
    constexpr std::array<int, 16> order{REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                        REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
    return registers_[order[static_cast<std::size_t>(number)]];
  }
  void find_memory(const std::uint8_t* code, int index_high) {
    std::int64_t address = 0;
    const bool has_index = (rm & 7) == 4;
    int base_number = rm;
    if (has_index) {
      const int sib = code[length++];
      base_number = (sib & 7) | (rm & 8);
      const int index_number = (sib >> 3 & 7) | index_high;
      if (index_number != 4) index = value(index_number) << (sib >> 6);
    }
    const bool absolute = mode == 0 && (base_number & 7) == 5;
    const int displacement_bytes = mode == 1 ? 1 : mode == 2 || absolute ? 4 : 0;
    if (!absolute) address = value(base_number);
    std::int32_t displacement = 0;
    if (displacement_bytes == 1) displacement = static_cast<std::int8_t>(code[length]);
    if (displacement_bytes == 4) std::memcpy(&displacement, code + length, 4);
    length += displacement_bytes;
    if (absolute && !has_index) address = registers_[REG_RIP] + length;
    base = reinterpret_cast<std::uint8_t*>(address + displacement);
  }

  const greg_t* registers_;
};

/// False where the instruction is none of AMX.
bool emulate(const Instruction& i, const char*& reason) {
  constexpr int none = 0, f3 = 2, f2 = 3;
  const bool memory = i.mode != 3;
  if (!i.known) return false;
  if (i.opcode == 0x49 && i.prefix == none && memory && i.reg == 0) {
    reason = state.configure(i.base + i.index);
  } else if (i.opcode == 0x49 && i.prefix == none && !memory && i.reg == 0 && i.rm == 0) {
    state = {};
    ++releases;
  } else if (i.opcode == 0x49 && i.prefix == f2 && !memory) {
    reason = state.zero(i.reg);
  } else if (i.opcode == 0x4b && i.prefix == f2 && memory) {
    reason = state.load(i.reg, i.base, i.index);
  } else if (i.opcode == 0x4b && i.prefix == f3 && memory) {
    reason = state.store(i.reg, i.base, i.index);
  } else if (i.opcode == 0x5c && i.prefix == f3 && !memory) {
    reason = state.multiply_add(i.reg, i.rm, i.vex);
  } else {
    return false;
  }
  return true;
}

struct sigaction before;

void on_unknown_instruction(int, siginfo_t*, void* context) {
  greg_t* registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  const Instruction instruction(reinterpret_cast<const std::uint8_t*>(registers[REG_RIP]), registers);
  const char* reason = nullptr;
  if (!emulate(instruction, reason)) {
    ::sigaction(SIGILL, &before, nullptr);  // the instruction comes again, and ends the process
    return;
  }
  const char* none = nullptr;
  if (reason != nullptr) first_fault.compare_exchange_strong(none, reason);
  registers[REG_RIP] += instruction.length;
}

}  // namespace

TileEmulator::TileEmulator() {
  first_fault = nullptr;
  broken = false;
  configurations = loads = products = stores = releases = 0;
  struct sigaction action {};
  action.sa_sigaction = on_unknown_instruction;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  ::sigaction(SIGILL, &action, &before);
}

TileEmulator::~TileEmulator() { ::sigaction(SIGILL, &before, nullptr); }

std::string TileEmulator::fault() {
  const char* reason = first_fault;
  return reason == nullptr ? "" : reason;
}

void TileEmulator::break_products() { broken = true; }

TileEmulator::Counts TileEmulator::counts() { return {configurations, loads, products, stores, releases}; }

}  // namespace sagittal::nn::cpu::conv
