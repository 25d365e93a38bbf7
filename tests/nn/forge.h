#pragma once
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/bytes.h"

/// Archives and pickles written byte by byte, right or wrong as a test wants them.
namespace sagittal::nn::forge {

template <class T>
requires std::is_integral_v<T>
void put(Bytes& out, T value) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(&value);
  out.insert(out.end(), bytes, bytes + sizeof(T));
}
inline void put(Bytes& out, ByteView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

/// What the last entry and the directory claim instead of the truth.
struct ZipLies {
  bool zip64 = false;
  std::optional<std::uint64_t> header_offset{};
  std::optional<std::uint64_t> size{};
  std::optional<std::uint64_t> directory_offset{};
  std::optional<std::uint16_t> count{};
  std::uint16_t method = 0;
  std::uint16_t flags = 0x0808;
};

using Entries = std::vector<std::pair<std::string, ByteView>>;

inline void put_directory_entry(Bytes& out, const std::string& name, std::uint64_t size, std::uint64_t offset,
                                const ZipLies& lies) {
  constexpr std::uint32_t elsewhere = 0xffffffff;
  put<std::uint32_t>(out, 0x02014b50);
  put<std::uint32_t>(out, 0);
  put(out, lies.flags);
  put(out, lies.method);
  put<std::uint64_t>(out, 0);  // time, date, CRC
  put(out, lies.zip64 ? elsewhere : static_cast<std::uint32_t>(size));
  put(out, lies.zip64 ? elsewhere : static_cast<std::uint32_t>(size));
  put(out, static_cast<std::uint16_t>(name.size()));
  put<std::uint16_t>(out, lies.zip64 ? 28 : 0);
  put<std::uint16_t>(out, 0);
  put<std::uint64_t>(out, 0);  // disk, attributes
  put(out, lies.zip64 ? elsewhere : static_cast<std::uint32_t>(offset));
  put(out, as_bytes(name));
  if (!lies.zip64) return;
  put<std::uint16_t>(out, 1);
  put<std::uint16_t>(out, 24);
  put(out, size);
  put(out, size);
  put(out, offset);
}

/// As torch.save writes: stored entries with empty local sizes.
inline Bytes zip(const Entries& entries, const ZipLies& lies = {}) {
  Bytes out, directory;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto& [name, content] = entries[i];
    const bool last = i + 1 == entries.size();
    put_directory_entry(directory, name, last ? lies.size.value_or(content.size()) : content.size(),
                        last ? lies.header_offset.value_or(out.size()) : out.size(), lies);
    put<std::uint32_t>(out, 0x04034b50);
    out.resize(out.size() + 22);
    put(out, static_cast<std::uint16_t>(name.size()));
    put<std::uint16_t>(out, 4);
    put(out, as_bytes(name));
    put<std::uint32_t>(out, 0x00004246);  // an extra field, as torch pads
    put(out, content);
  }
  const std::uint64_t start = out.size();
  const std::uint64_t offset = lies.directory_offset.value_or(start);
  put(out, ByteView(directory));
  const std::uint64_t record = out.size();
  const auto count = lies.count.value_or(static_cast<std::uint16_t>(entries.size()));
  if (lies.zip64) {
    put<std::uint32_t>(out, 0x06064b50);
    out.resize(out.size() + 28);
    put<std::uint64_t>(out, count);
    put<std::uint64_t>(out, directory.size());
    put(out, offset);
    put<std::uint32_t>(out, 0x07064b50);
    put<std::uint32_t>(out, 0);
    put(out, record);
    put<std::uint32_t>(out, 1);
  }
  put<std::uint32_t>(out, 0x06054b50);
  out.resize(out.size() + 6);
  put(out, count);
  put(out, static_cast<std::uint32_t>(directory.size()));
  put(out, static_cast<std::uint32_t>(offset));
  put<std::uint16_t>(out, 0);
  return out;
}

// Pieces of a pickle (protocol 2).
inline std::string text(const std::string& value) {
  std::string out = "X";
  for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>(value.size() >> shift & 0xff);
  return out + value;
}
inline std::string integer(std::int64_t value) {
  std::string out = "\x8a\x08";
  for (int shift = 0; shift < 64; shift += 8) out += static_cast<char>(value >> shift & 0xff);
  return out;
}
inline std::string tuple(const std::vector<std::int64_t>& values) {
  std::string out = "(";
  for (const std::int64_t value : values) out += integer(value);
  return out + "t";
}
inline std::string pickle(const std::string& body) { return "\x80\x02" + body + "."; }

/// One tensor of floats as torch pickles it.
struct TensorClaim {
  std::int64_t storage_elements = 4;
  std::int64_t offset = 0;
  std::vector<std::int64_t> shape{4};
  std::vector<std::int64_t> strides{1};
  std::string storage_class = "FloatStorage";
  std::string key = "0";
};
inline std::string tensor(const TensorClaim& claim) {
  return "ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + "ctorch\n" + claim.storage_class + "\n" +
         text(claim.key) + text("cpu") + integer(claim.storage_elements) + "tQ" + integer(claim.offset) +
         tuple(claim.shape) + tuple(claim.strides) + "\x89" + "ccollections\nOrderedDict\n)RtR";
}

/// A checkpoint with one tensor "w" over a storage of four floats; `extra` is further "key value" pickle code.
inline Bytes checkpoint(const std::string& tensor_code, const std::string& extra = "") {
  const std::string code = pickle("}(" + text("network_weights") + "ccollections\nOrderedDict\n)R(" + text("w") +
                                  tensor_code + "u" + extra + "u");
  const std::vector<float> values{1, 2, 3, 4};
  const ByteView storage(reinterpret_cast<const std::uint8_t*>(values.data()), values.size() * sizeof(float));
  return zip({{"a/data.pkl", as_bytes(code)}, {"a/data/0", storage}});
}

}  // namespace sagittal::nn::forge
