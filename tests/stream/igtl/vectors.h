#pragma once
#include <fstream>
#include <map>
#include <string>
#include <utility>

#include "base/bytes.h"
#include "stream/igtl/message.h"

namespace sagittal::igtl {

/// Messages as the OpenIGTLink library packs them (make_vectors.cpp), by name and header version.
inline const std::map<std::pair<std::string, int>, Bytes>& vectors() {
  static const auto all = [] {
    std::map<std::pair<std::string, int>, Bytes> out;
    std::ifstream file(SAGITTAL_SOURCE_DIR "/tests/stream/igtl/vectors.txt");
    std::string name, digits;
    for (int version = 0; file >> name >> version >> digits;) {
      Bytes bytes;
      for (std::size_t n = 0; n + 1 < digits.size(); n += 2) {
        bytes.push_back(static_cast<std::uint8_t>(std::stoi(digits.substr(n, 2), nullptr, 16)));
      }
      out[{name, version}] = std::move(bytes);
    }
    return out;
  }();
  return all;
}

/// A whole message, taken apart; the bytes must outlive it.
inline Received take_apart(ByteView bytes) {
  const Header header = parse_header(bytes.first<kHeaderBytes>());
  return parse_body(header, bytes.subspan(kHeaderBytes));
}

inline Bytes joined(const Packed& packed) {
  Bytes out = packed.front;
  out.insert(out.end(), packed.bulk.begin(), packed.bulk.end());
  out.insert(out.end(), packed.back.begin(), packed.back.end());
  return out;
}

}  // namespace sagittal::igtl
