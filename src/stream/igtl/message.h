#pragma once
#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace sagittal::igtl {

/// OpenIGTLink, versions 1 to 3 of the protocol. Source: openigtlink.org/developers/spec and what its users send.

inline constexpr std::size_t kHeaderBytes = 58;
inline constexpr std::size_t kTypeBytes = 12, kNameBytes = 20;

/// Seconds since 1970 in the upper 32 bits, fractions of 2^-32 s in the lower; 0: none is known.
using Timestamp = std::uint64_t;
Timestamp timestamp_of(std::chrono::system_clock::time_point time);
/// Microseconds at best. Not for 0.
std::chrono::system_clock::time_point time_of(Timestamp timestamp);

/// What stands in front of every message.
struct Header {
  std::uint16_t version = 1;  ///< 1: protocols 1 and 2; 2: protocol 3, with an extended header
  std::string type;           ///< at most 12 bytes
  std::string device;         ///< at most 20 bytes
  Timestamp timestamp = 0;
  std::uint64_t body_bytes = 0;
  std::uint64_t crc = 0;  ///< of the body
};

/// Error(bad_input) for a version that is none and a type that is no word. The size of the body is the sender's claim:
/// compare it with what you can bear before making room.
Header parse_header(std::span<const std::uint8_t, kHeaderBytes> bytes);
std::array<std::uint8_t, kHeaderBytes> write_header(const Header& header);

/// Keys and values in their order; a value is UTF-8 unless its sender says otherwise.
struct MetadataEntry {
  static constexpr std::uint16_t kAscii = 3, kUtf8 = 106;  ///< of IANA's character sets
  std::string key, value;
  std::uint16_t encoding = kUtf8;
  bool operator==(const MetadataEntry&) const = default;
};
using Metadata = std::vector<MetadataEntry>;

/// A message as it came: `content` is what its type says (see contents.h), a view into the body.
struct Received {
  Header header;
  std::uint32_t message_id = 0;
  Metadata metadata;
  ByteView content;
};

/// Splits a body as its header says. Error(bad_input) for sizes that contradict each other, Error(too_large) for more
/// than 1000 entries or 4 MiB of metadata. The checksum is not looked at: see `has_good_checksum`.
Received parse_body(const Header& header, ByteView body);
bool has_good_checksum(const Header& header, ByteView body);

/// A message to send.
struct Outgoing {
  std::string type, device;
  Timestamp timestamp = 0;
  std::uint16_t version = 2;  ///< of the header; 1 loses `message_id` and `metadata`
  std::uint32_t message_id = 0;
  Metadata metadata = {};
  Bytes content = {};  ///< its beginning, or all
  ByteView bulk = {};  ///< what follows `content` and is not copied: pixels
};

/// A message ready for a socket: three parts, one after the other. `bulk` is the caller's.
struct Packed {
  Bytes front;  ///< header, extended header, content
  ByteView bulk;
  Bytes back;  ///< metadata

  std::size_t size() const { return front.size() + bulk.size() + back.size(); }
};
/// Names that are too long are cut; a device name that was cut is kept whole as metadata "IGTL_DEVICE_NAME".
/// Error(too_large) for metadata that the format cannot hold, Error(bad_input) for an empty type.
Packed pack(const Outgoing& message);
/// With a header of that version instead of its own.
Packed pack(const Outgoing& message, std::uint16_t version);

}  // namespace sagittal::igtl
