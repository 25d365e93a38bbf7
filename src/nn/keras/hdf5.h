#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace sagittal::nn {

/// A group or a data set of an HDF5 file.
struct Hdf5Object {
  struct Dataset {
    std::vector<std::int64_t> shape;
    ByteView bytes;  ///< of float32, little-endian, C order; of any alignment
  };
  std::map<std::string, std::uint64_t, std::less<>> links;             ///< of a group: what lies in it, by name
  std::map<std::string, std::vector<std::string>, std::less<>> texts;  ///< attributes that are texts or lists of them
  std::optional<Dataset> dataset;
};

/// The part of HDF5 that Keras 2 writes: superblock 0, groups as symbol tables, data sets of float32 in one piece,
/// attributes in the object's header. At most 2^18 records and 64 MiB of text are read. Not for several threads at
/// once. All members throw Error naming the file: bad_input for forged or truncated files, unsupported for other parts
/// of the format.
class Hdf5File {
 public:
  /// `bytes` must outlive it.
  Hdf5File(ByteView bytes, std::string_view what);

  Hdf5Object root() const { return object(root_); }
  /// What a link leads to; data sets that are not float32 have no `dataset`.
  Hdf5Object object(std::uint64_t address) const;
  /// "layer/layer/kernel:0" from `from`. Error(bad_input) where there is no such thing.
  Hdf5Object find(const Hdf5Object& from, std::string_view path) const;

 private:
  struct Message;
  [[noreturn]] void reject(std::string_view why) const;
  ByteReader at(std::uint64_t address) const;
  ByteReader record(std::uint64_t address, std::string_view signature) const;
  ByteView piece(std::uint64_t address, std::uint64_t size) const;
  void count() const;
  std::vector<Message> messages(std::uint64_t address) const;
  void read_links(ByteView message, Hdf5Object& object) const;
  void read_tree(std::uint64_t address, ByteView names, int depth, Hdf5Object& object) const;
  void read_symbols(std::uint64_t address, ByteView names, Hdf5Object& object) const;
  void read_attribute(ByteView message, Hdf5Object& object) const;
  std::string shared_text(ByteView element) const;

  ByteView bytes_;
  std::string what_;
  std::uint64_t root_ = 0;
  mutable std::size_t records_ = 0, text_bytes_ = 0;  // read so far
};

}  // namespace sagittal::nn
