#include <array>
#include <cstddef>
#include <cstdint>

#include "base/error.h"
#include "stream/igtl/client_info.h"
#include "stream/igtl/commands.h"
#include "stream/igtl/contents.h"
#include "stream/igtl/known_types.h"
#include "stream/igtl/latest.h"
#include "stream/igtl/message.h"
#include "stream/igtl/polydata.h"

namespace {

using namespace sagittal;
using namespace sagittal::igtl;

/// What a peer may send, by the first byte of its type.
void read_content(std::uint8_t kind, ByteView content) {
  switch (kind % 22) {
    case 0:
      return static_cast<void>(geometry_of(read_image(content).frame));
    case 1:
      return static_cast<void>(geometry_of(read_video(content).frame));
    case 2:
      return static_cast<void>(write_transform(read_transform(content)));
    case 3:
      return static_cast<void>(write_position(read_position(content)));
    case 4:
      return static_cast<void>(write_tracking(read_tracking(content)));
    case 5:
      return static_cast<void>(write_quaternion_tracking(read_quaternion_tracking(content)));
    case 6:
      return static_cast<void>(write_string(read_string(content)));
    case 7:
      return static_cast<void>(write_status(read_status(content)));
    case 8:
      return static_cast<void>(write_capability(read_capability(content)));
    case 9:
      return static_cast<void>(write_command(read_command(content)));
    case 10:
      return static_cast<void>(write_points(read_points(content)));
    case 11:
      return static_cast<void>(write_trajectories(read_trajectories(content)));
    case 12:
      return static_cast<void>(write_image_meta(read_image_meta(content)));
    case 13:
      return static_cast<void>(write_label_meta(read_label_meta(content)));
    case 14:
      return static_cast<void>(write_video_meta(read_video_meta(content)));
    case 15:
      return static_cast<void>(write_nd_array(read_nd_array(content)));
    case 16:
      return static_cast<void>(write_sensor(read_sensor(content)));
    case 17:
      return static_cast<void>(write_colour_table(read_colour_table(content)));
    case 18:
      return static_cast<void>(write_poly_data(read_poly_data(content)));
    case 21:
      return static_cast<void>(write_client_info(read_client_info(content)));
    default:
      return static_cast<void>(write_bind(read_bind(content)));
  }
}

/// What an endpoint does with it before anybody is called.
void answer(const Received& message) {
  check_content(message.header.type, message.content);
  if (message.header.type.starts_with("GET_")) {
    for (const SharedMessagePtr& one : answer_query({0, 0}, message.header)) one->packed(2);
  }
  Arrival arrival;
  arrival.message = message;
  if (const auto call = read_call(arrival)) write_reply(message.header, *call, {})->packed(2);
}

}  // namespace

// One byte that chooses what the content is, then a whole message.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes(data, size);
  if (size < 1 + kHeaderBytes) return 0;
  try {
    const Header header = parse_header(bytes.subspan(1).first<kHeaderBytes>());
    const Received message = parse_body(header, bytes.subspan(1 + kHeaderBytes));
    has_good_checksum(header, message.content);
    if (data[0] % 22 == 20) return answer(message), 0;
    read_content(data[0], message.content);
  } catch (const Error&) {
  }
  return 0;
}
