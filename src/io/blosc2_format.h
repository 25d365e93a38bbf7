#pragma once
#include <cstddef>
#include <cstdint>

/// Numbers of the Blosc2 chunk format that reader and writer share: README_CHUNK_FORMAT of c-blosc2.
namespace sagittal::io::blosc2 {

inline constexpr std::size_t kOldHeader = 16;
inline constexpr std::size_t kHeader = 32;
inline constexpr std::size_t kFilterSlots = 6;

// byte 2, flags
inline constexpr std::uint8_t kShuffled = 0x01;
inline constexpr std::uint8_t kStored = 0x02;
inline constexpr std::uint8_t kBitShuffled = 0x04;
inline constexpr std::uint8_t kDelta = 0x08;
inline constexpr std::uint8_t kNotSplit = 0x10;
inline constexpr std::uint8_t kExtended = kShuffled | kBitShuffled;  // both: the header has 32 bytes
inline constexpr int kCodecShift = 5;
inline constexpr int kCodecLz4 = 1;
inline constexpr int kCodecZstd = 4;

// byte 31, flags of the extended header
inline constexpr int kSpecialShift = 4;
inline constexpr int kSpecialMask = 7;
inline constexpr std::uint8_t kOtherFlags = 0x8f;  // dictionary, longer header, codec elsewhere, lazy, instrumented

enum class Special { none = 0, zeros = 1, nans = 2, value = 3, uninitialised = 4 };
enum class Filter : std::uint8_t { none = 0, shuffle = 1, bit_shuffle = 2, delta = 3, truncated_precision = 4 };

inline constexpr std::uint8_t kVersion = 5;
inline constexpr std::uint8_t kMaxVersion = 6;
inline constexpr std::uint8_t kOldBitShuffleVersion = 2;

}  // namespace sagittal::io::blosc2
