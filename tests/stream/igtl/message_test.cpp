#include "stream/igtl/message.h"

#include <gtest/gtest.h>

#include "expect_error.h"
#include "vectors.h"

namespace sagittal::igtl {
namespace {

TEST(Message, TheLibrarysMessagesAreTakenApart) {
  ASSERT_EQ(vectors().size(), 38u);
  for (const auto& [key, bytes] : vectors()) {
    const Received message = take_apart(bytes);
    EXPECT_EQ(message.header.version, key.second) << key.first;
    EXPECT_EQ(message.header.type, key.first);
    EXPECT_EQ(message.header.device, "Device name");
    EXPECT_EQ(message.header.timestamp, (std::uint64_t{1'700'000'000} << 32) | 0x40000000) << key.first;
    EXPECT_EQ(message.header.body_bytes, bytes.size() - kHeaderBytes) << key.first;
    EXPECT_TRUE(has_good_checksum(message.header, ByteView(bytes).subspan(kHeaderBytes))) << key.first;
    if (key.second < 2) continue;
    EXPECT_EQ(message.message_id, 77u) << key.first;
    const Metadata expected{{"key", "value", MetadataEntry::kAscii},
                            {"\xC3\xA4", "\xC3\xB6\xC3\xBC", MetadataEntry::kUtf8}};
    EXPECT_EQ(message.metadata, expected) << key.first;
  }
}

TEST(Message, WhatIsPackedIsTheSameBytes) {
  for (const auto& [key, bytes] : vectors()) {
    const Received message = take_apart(bytes);
    Outgoing again{.type = message.header.type, .device = message.header.device};
    again.timestamp = message.header.timestamp;
    again.version = message.header.version;
    again.message_id = message.message_id;
    again.metadata = message.metadata;
    again.content = Bytes(message.content.begin(), message.content.end());
    EXPECT_EQ(joined(pack(again)), bytes) << key.first << " " << key.second;
    const std::size_t half = again.content.size() / 2;  // the rest from elsewhere
    again.bulk = message.content.subspan(half);
    again.content.resize(half);
    EXPECT_EQ(joined(pack(again)), bytes) << key.first << " " << key.second;
  }
}

TEST(Message, ALongNameIsCutAndKept) {
  const Bytes bytes = joined(pack({.type = "STRING", .device = "HoloscanImageAndSegmentation"}));
  const Received message = take_apart(bytes);
  EXPECT_EQ(message.header.device, "HoloscanImageAndSegm");
  EXPECT_EQ(message.metadata, (Metadata{{"IGTL_DEVICE_NAME", "HoloscanImageAndSegmentation"}}));
  const Bytes umlauts = joined(pack({.type = "STRING", .device = "1234567890123456789\xC3\xA4"}));
  EXPECT_EQ(take_apart(umlauts).header.device, "1234567890123456789");
}

TEST(Message, TimesSurvive) {
  const auto time = std::chrono::system_clock::time_point(std::chrono::microseconds(1'700'000'000'123'456));
  EXPECT_EQ(time_of(timestamp_of(time)), time);
  EXPECT_EQ(timestamp_of(time) >> 32, 1'700'000'000u);
}

TEST(Message, WhatIsNoHeaderIsRefused) {
  const Bytes good = vectors().at({"STRING", 2});
  const auto forged = [&](std::size_t at, std::uint8_t value) {
    Bytes bytes = good;
    bytes[at] = value;
    return parse_header(ByteView(bytes).first<kHeaderBytes>());
  };
  EXPECT_ERROR(forged(1, 0), ErrorCode::bad_input);
  EXPECT_ERROR(forged(1, 9), ErrorCode::bad_input);
  EXPECT_ERROR(forged(0, 'G'), ErrorCode::bad_input);
  EXPECT_ERROR(forged(2, 0), ErrorCode::bad_input);
  EXPECT_ERROR(forged(3, '\n'), ErrorCode::bad_input);
}

TEST(Message, SizesThatContradictEachOtherAreRefused) {
  const Bytes good = vectors().at({"STRING", 2});
  const Header header = parse_header(ByteView(good).first<kHeaderBytes>());
  const Bytes body(good.begin() + kHeaderBytes, good.end());
  const auto forged = [&](std::size_t at, std::initializer_list<std::uint8_t> values) {
    Bytes bytes = body;
    std::copy(values.begin(), values.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
    return parse_body(header, bytes);
  };
  EXPECT_ERROR(forged(0, {0, 0}), ErrorCode::bad_input);  // extended header
  EXPECT_ERROR(forged(0, {0, 11}), ErrorCode::bad_input);
  EXPECT_ERROR(forged(0, {0xFF, 0xFF}), ErrorCode::bad_input);
  EXPECT_ERROR(forged(2, {0xFF, 0xFF}), ErrorCode::bad_input);  // head of the metadata
  EXPECT_ERROR(forged(2, {0, 0}), ErrorCode::bad_input);
  EXPECT_ERROR(forged(4, {0xFF, 0xFF, 0xFF, 0xFF}), ErrorCode::bad_input);  // metadata
  EXPECT_ERROR(forged(4, {0, 0, 0, 0}), ErrorCode::bad_input);
  for (std::size_t size = 0; size < body.size(); ++size) {
    EXPECT_THROW(parse_body(header, ByteView(body).first(size)), Error) << size;
  }
  Bytes wrong = body;
  wrong.back() ^= 1;
  EXPECT_FALSE(has_good_checksum(header, wrong));
}

TEST(Message, AnExtendedHeaderMayGrow) {
  Bytes bytes = joined(pack({.type = "X", .device = "d", .content = {1, 2, 3}}));
  bytes[kHeaderBytes + 1] = 14;
  bytes.insert(bytes.begin() + kHeaderBytes + 12, {9, 9});
  EXPECT_EQ(take_apart(bytes).content.size(), 3u);
}

TEST(Message, WhatTheFormatCannotHoldIsNotSent) {
  EXPECT_ERROR(pack({.type = "", .device = "d"}), ErrorCode::bad_input);
  Outgoing message{.type = "X", .device = "d"};
  message.metadata = {{std::string(70'000, 'k'), "v"}};
  EXPECT_ERROR(pack(message), ErrorCode::too_large);
  message.metadata.assign(1001, {"k", "v"});
  EXPECT_ERROR(pack(message), ErrorCode::too_large);
}

}  // namespace
}  // namespace sagittal::igtl
