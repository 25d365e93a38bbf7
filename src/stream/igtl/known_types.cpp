#include "stream/igtl/known_types.h"

#include <algorithm>
#include <array>

#include "stream/igtl/client_info.h"
#include "stream/igtl/contents.h"
#include "stream/igtl/image.h"
#include "stream/igtl/polydata.h"

namespace sagittal::igtl {
namespace {

struct KnownType {
  std::string_view name;
  void (*check)(ByteView);
};

template <auto read>
void check_with(ByteView content) {
  read(content);
}

constexpr std::array<KnownType, 23> kTypes{{
    {"BIND", check_with<read_bind>},
    {"CAPABILITY", check_with<read_capability>},
    {"CLIENTINFO", check_with<read_client_info>},
    {"COLORT", check_with<read_colour_table>},
    {"COMMAND", check_with<read_command>},
    {"IMAGE", check_with<read_image>},
    {"IMGMETA", check_with<read_image_meta>},
    {"LBMETA", check_with<read_label_meta>},
    {"NDARRAY", check_with<read_nd_array>},
    {"POINT", check_with<read_points>},
    {"POLYDATA", check_with<read_poly_data>},
    {"POSITION", check_with<read_position>},
    {"QTDATA", check_with<read_quaternion_tracking>},
    {"QTRANS", check_with<read_position>},
    {"SENSOR", check_with<read_sensor>},
    {"STATUS", check_with<read_status>},
    {"STRING", check_with<read_string>},
    {"TDATA", check_with<read_tracking>},
    {"TRAJ", check_with<read_trajectories>},
    {"TRANSFORM", check_with<read_transform>},
    {"VIDEO", check_with<read_video>},
    {"VIDEOMETA", check_with<read_video_meta>},
    {"RTS_COMMAND", check_with<read_command>},
}};

}  // namespace

const std::vector<std::string_view>& known_types() {
  static const std::vector<std::string_view> names = [] {
    std::vector<std::string_view> out;
    for (const KnownType& type : kTypes) {
      if (!type.name.starts_with("RTS_")) out.push_back(type.name);
    }
    return out;
  }();
  return names;
}

std::string_view type_asked_for(std::string_view question) {
  constexpr std::size_t shortest_cut = 5;
  const auto& names = known_types();
  if (const auto same = std::find(names.begin(), names.end(), question); same != names.end()) return *same;
  if (question.size() < shortest_cut) return {};
  const auto longer =
      std::find_if(names.begin(), names.end(), [&](std::string_view name) { return name.starts_with(question); });
  return longer != names.end() ? *longer : std::string_view();
}

bool check_content(std::string_view type, ByteView content) {
  if (type.starts_with("STT_")) {
    if (type == "STT_TDATA" || type == "STT_QTDATA") read_tracking_wish(content);
    return true;
  }
  if (type.starts_with("GET_") || type.starts_with("STP_")) return true;
  const auto known = std::find_if(kTypes.begin(), kTypes.end(), [&](const KnownType& one) { return one.name == type; });
  if (known != kTypes.end()) {
    known->check(content);
    return true;
  }
  if (type.starts_with("RTS_")) read_ready(content);
  return type.starts_with("RTS_");
}

}  // namespace sagittal::igtl
