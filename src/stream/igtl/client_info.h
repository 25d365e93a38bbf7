#pragma once
#include <string>
#include <vector>

#include "base/bytes.h"
#include "stream/igtl/message.h"

namespace sagittal::igtl {

/// CLIENTINFO, a message of Plus alone: what a client wishes to be sent, as XML in the content of a STRING. It replaces
/// what the client wished before. Source: PlusLib, PlusIgtlClientInfo.cxx.
struct ClientInfo {
  /// Comes as "name_frame", placed by the transform nameToframe.
  struct Image {
    std::string name, frame;
    std::string codec = {};  ///< four characters; of videos
    bool operator==(const Image&) const = default;
  };
  int header_version = 1;     ///< that the client understands
  bool tracking = false;      ///< TDATA too, where it is among the types
  int tracking_interval = 0;  ///< between two TDATA, in ms; PlusServer adds it to seconds
  std::vector<std::string> types, transforms, strings;
  std::vector<Image> images, videos;

  bool operator==(const ClientInfo&) const = default;
};

/// Error(bad_input) for what is no STRING with well-formed XML, Error(too_large) for more than 1000 names. As Plus
/// does, elements that it does not know and names without what belongs to them are passed over.
ClientInfo read_client_info(ByteView content);
/// Error(too_large) beyond the 65535 bytes of a STRING.
Bytes write_client_info(const ClientInfo& wishes);

/// Whether a client with these wishes is sent a message that nobody asked for by name. STATUS and commands always go;
/// of what else is among the types, images, videos, transforms and texts have to be among those that are named, if any
/// are. TRACKEDFRAME, which only Plus sends, stands for IMAGE, which its clients take instead.
bool wants(const ClientInfo& wishes, const Outgoing& message);

/// For people: types and names, at most 200 characters of ASCII.
std::string summary_of(const ClientInfo& wishes);

}  // namespace sagittal::igtl
