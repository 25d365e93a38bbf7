#include "stream/igtl/message.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "base/error.h"
#include "stream/igtl/crc64.h"
#include "stream/igtl/wire.h"

namespace sagittal::igtl {
namespace {

constexpr std::string_view kWhat = "OpenIGTLink";
constexpr std::uint16_t kExtendedBytes = 12;
constexpr std::size_t kEntryBytes = 8;
constexpr std::size_t kMaxEntries = 1000;
constexpr std::uint32_t kMaxMetadataBytes = std::uint32_t{4} << 20;
constexpr const char* kLongName = "IGTL_DEVICE_NAME";

bool is_word(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

Metadata read_metadata(ByteView head, ByteView texts) {
  WireReader heads(head, "OpenIGTLink metadata");
  const auto count = heads.number<std::uint16_t>();
  if (count > kMaxEntries) throw Error(ErrorCode::too_large, "OpenIGTLink metadata has more than 1000 entries");
  if (heads.remaining() != count * kEntryBytes) heads.refuse("its head has the wrong size");
  WireReader all(texts, "OpenIGTLink metadata");
  Metadata out;
  for (std::size_t n = 0; n < count; ++n) {
    const auto key_bytes = heads.number<std::uint16_t>();
    const auto encoding = heads.number<std::uint16_t>();
    const auto value_bytes = heads.number<std::uint32_t>();
    const ByteView key = all.take(key_bytes);
    const ByteView value = all.take(value_bytes);
    out.push_back({std::string(as_text(key)), std::string(as_text(value)), encoding});
  }
  all.expect_end();
  return out;
}

struct MetadataBytes {
  Bytes head, texts;
};
MetadataBytes write_metadata(const Metadata& metadata) {
  if (metadata.size() > kMaxEntries) throw Error(ErrorCode::too_large, "more than 1000 entries of metadata");
  WireWriter head, texts;
  head.number(static_cast<std::uint16_t>(metadata.size()));
  for (const MetadataEntry& entry : metadata) {
    if (entry.key.size() > std::numeric_limits<std::uint16_t>::max() ||
        entry.value.size() > std::numeric_limits<std::uint32_t>::max() / kMaxEntries) {
      throw Error(ErrorCode::too_large, fmt::format("the metadata \"{:.40}\" is too long", entry.key));
    }
    head.number(static_cast<std::uint16_t>(entry.key.size()))
        .number(entry.encoding)
        .number(static_cast<std::uint32_t>(entry.value.size()));
    texts.bytes(as_bytes(entry.key)).bytes(as_bytes(entry.value));
  }
  return {head.finish(), texts.finish()};
}

}  // namespace

Timestamp timestamp_of(std::chrono::system_clock::time_point time) {
  const auto since = time.time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since);
  const auto rest = std::chrono::duration_cast<std::chrono::nanoseconds>(since - seconds).count();
  const std::uint64_t fraction = (static_cast<std::uint64_t>(rest) << 32) / 1'000'000'000;
  return static_cast<std::uint64_t>(seconds.count()) << 32 | fraction;
}

std::chrono::system_clock::time_point time_of(Timestamp timestamp) {
  const std::chrono::seconds seconds(static_cast<std::int64_t>(timestamp >> 32));
  const std::chrono::nanoseconds rest(
      static_cast<std::int64_t>(((timestamp & 0xFFFFFFFF) * 1'000'000'000 + (std::uint64_t{1} << 31)) >> 32));
  return std::chrono::system_clock::time_point(
      std::chrono::duration_cast<std::chrono::system_clock::duration>(seconds + rest));
}

Header parse_header(std::span<const std::uint8_t, kHeaderBytes> bytes) {
  WireReader reader(bytes, kWhat);
  Header header;
  header.version = reader.number<std::uint16_t>();
  header.type = reader.text(kTypeBytes);
  header.device = reader.text(kNameBytes);
  header.timestamp = reader.number<std::uint64_t>();
  header.body_bytes = reader.number<std::uint64_t>();
  header.crc = reader.number<std::uint64_t>();
  if (header.version < 1 || header.version > 3) {
    reader.refuse(fmt::format("a header of version {}; this is no OpenIGTLink, or the connection lost its place",
                              header.version));
  }
  if (!is_word(header.type)) reader.refuse("a message whose type is no word");
  return header;
}

std::array<std::uint8_t, kHeaderBytes> write_header(const Header& header) {
  const Bytes bytes = WireWriter()
                          .number(header.version)
                          .text(header.type, kTypeBytes)
                          .text(header.device, kNameBytes)
                          .number(header.timestamp)
                          .number(header.body_bytes)
                          .number(header.crc)
                          .finish();
  std::array<std::uint8_t, kHeaderBytes> out;
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return out;
}

Received parse_body(const Header& header, ByteView body) {
  Received out{.header = header, .message_id = 0, .metadata = {}, .content = body};
  if (header.version < 2) return out;
  WireReader reader(body, fmt::format("{} {}", kWhat, header.type));
  const auto extended_bytes = reader.number<std::uint16_t>();
  const auto head_bytes = reader.number<std::uint16_t>();
  const auto metadata_bytes = reader.number<std::uint32_t>();
  out.message_id = reader.number<std::uint32_t>();
  if (extended_bytes < kExtendedBytes) reader.refuse("its extended header is too short");
  reader.take(extended_bytes - kExtendedBytes);
  const std::uint64_t behind = std::uint64_t{head_bytes} + metadata_bytes;
  if (behind > reader.remaining()) reader.refuse("its metadata is longer than the message");
  if (metadata_bytes > kMaxMetadataBytes) throw Error(ErrorCode::too_large, "OpenIGTLink metadata of more than 4 MiB");
  out.content = reader.take(reader.remaining() - behind);
  const ByteView head = reader.take(head_bytes);
  if (head_bytes > 0 || metadata_bytes > 0) out.metadata = read_metadata(head, reader.rest());
  return out;
}

bool has_good_checksum(const Header& header, ByteView body) { return crc64(body) == header.crc; }

Packed pack(const Outgoing& message) { return pack(message, message.version); }

Packed pack(const Outgoing& message, std::uint16_t version) {
  if (!is_word(message.type)) throw Error(ErrorCode::bad_input, "a message to send has no type");
  WireWriter front;
  MetadataBytes behind;
  front.bytes(std::array<std::uint8_t, kHeaderBytes>{});
  if (version >= 2) {
    Metadata metadata = message.metadata;
    if (message.device.size() > kNameBytes) metadata.push_back({kLongName, message.device});
    behind = write_metadata(metadata);
    front.number(kExtendedBytes)
        .number(static_cast<std::uint16_t>(behind.head.size()))
        .number(static_cast<std::uint32_t>(behind.texts.size()))
        .number(message.message_id);
  }
  front.bytes(message.content);
  Packed out{.front = front.finish(), .bulk = message.bulk, .back = std::move(behind.head)};
  out.back.insert(out.back.end(), behind.texts.begin(), behind.texts.end());
  const ByteView body = ByteView(out.front).subspan(kHeaderBytes);
  const auto head = write_header({.version = version,
                                  .type = message.type,
                                  .device = message.device,
                                  .timestamp = message.timestamp,
                                  .body_bytes = out.size() - kHeaderBytes,
                                  .crc = crc64(out.back, crc64(out.bulk, crc64(body)))});
  std::copy(head.begin(), head.end(), out.front.begin());
  return out;
}

}  // namespace sagittal::igtl
