#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <mutex>

#include "stream/igtl/message.h"

namespace sagittal::igtl {

/// What a queue that keeps the latest may do with a message.
enum class Replacing {
  by_latest,  ///< a later one of the same device and type takes its place
  by_key,     ///< VIDEO between key frames: useless without those before it
  key_frame,  ///< VIDEO that needs none before it
  never,      ///< commands, questions and answers
};

/// The first bytes of content and bulk, at most so many.
Bytes beginning(const Outgoing& message, std::size_t size);

/// A message on its way to any number of peers: packed, and its checksum computed, once for each header version that is
/// asked for. Immutable; any thread.
class SharedMessage {
 public:
  /// `bulk_owner` keeps `message.bulk` alive. `message.version` does not count. Throws as `pack` does.
  SharedMessage(Outgoing message, std::shared_ptr<const void> bulk_owner);

  const Outgoing& message() const { return message_; }
  /// For a header of version 1 or 2.
  const Packed& packed(std::uint16_t version) const;
  Replacing replacing() const { return replacing_; }
  /// About.
  std::size_t size() const { return message_.content.size() + message_.bulk.size(); }

 private:
  struct Form {
    std::once_flag once;
    Packed packed;
  };
  Outgoing message_;
  std::shared_ptr<const void> bulk_owner_;
  Replacing replacing_;
  mutable std::array<Form, 2> forms_;
};
using SharedMessagePtr = std::shared_ptr<const SharedMessage>;

}  // namespace sagittal::igtl
