#include "stream/igtl/client_info.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "base/text.h"
#include "base/xml.h"
#include "stream/igtl/contents.h"

namespace sagittal::igtl {
namespace {

constexpr const char* kWhat = "OpenIGTLink CLIENTINFO";
constexpr std::size_t kMaxNames = 1000;
constexpr XmlLimits kLimits{.bytes = 65'536, .depth = 16};

std::string value_of(const XmlAttributes& attributes, std::string_view name) {
  const auto found = attributes.find(name);
  return found != attributes.end() ? found->second : std::string();
}

/// As Plus's parser: names of elements whatever their case.
class Reader {
 public:
  void read(const std::vector<std::string>& path, const XmlAttributes& attributes) {
    if (path.size() == 1) return read_root(attributes);
    if (path.size() == 4 && is(path, "Encoding") && holds_ && is_in(path, 1, "VideoNames")) {
      info_.videos.back().codec = value_of(attributes, "FourCC");
    }
    if (path.size() != 3) return;
    if (is_in(path, 1, "MessageTypes") && is(path, "Message")) add(info_.types, value_of(attributes, "Type"));
    if (is_in(path, 1, "TransformNames") && is(path, "Transform")) {
      add(info_.transforms, value_of(attributes, "Name"));
    }
    if (is_in(path, 1, "StringNames") && is(path, "String")) add(info_.strings, value_of(attributes, "Name"));
    if (is_in(path, 1, "ImageNames") && is(path, "Image")) add_image(info_.images, attributes);
    if (is_in(path, 1, "VideoNames") && is(path, "Video")) holds_ = add_image(info_.videos, attributes);
  }
  ClientInfo take() { return std::move(info_); }

 private:
  static bool is_in(const std::vector<std::string>& path, std::size_t level, const char* name) {
    return lower_case(path[level]) == lower_case(name);
  }
  static bool is(const std::vector<std::string>& path, const char* name) { return is_in(path, path.size() - 1, name); }

  void read_root(const XmlAttributes& attributes) {
    const auto number = [&](const char* name, int fallback) {
      return parse_number<int>(value_of(attributes, name)).value_or(fallback);
    };
    info_.header_version = number("ClientHeaderVersion", 1) >= 2 ? 2 : 1;
    info_.tracking = lower_case(value_of(attributes, "TDATARequested")) == "true";
    info_.tracking_interval = std::max(0, number("TDATAResolution", number("Resolution", 0)));
  }
  void count() {
    if (++names_ > kMaxNames) {
      throw Error(ErrorCode::too_large, fmt::format("{}: more than {} names", kWhat, kMaxNames));
    }
  }
  void add(std::vector<std::string>& to, std::string name) {
    count();
    if (!name.empty()) to.push_back(std::move(name));
  }
  bool add_image(std::vector<ClientInfo::Image>& to, const XmlAttributes& attributes) {
    count();
    ClientInfo::Image image{value_of(attributes, "Name"), value_of(attributes, "EmbeddedTransformToFrame")};
    if (image.name.empty() || image.frame.empty()) return false;
    to.push_back(std::move(image));
    return true;
  }

  ClientInfo info_;
  std::size_t names_ = 0;
  bool holds_ = false;  // the last video was taken
};

std::string names_of(const char* list, const char* element, const char* key, const std::vector<std::string>& names) {
  std::string out = fmt::format("<{}>", list);
  for (const std::string& name : names) out += fmt::format("<{} {}=\"{}\"/>", element, key, escape_xml(name));
  return out + fmt::format("</{}>", list);
}

std::string images_of(const char* list, const char* element, const std::vector<ClientInfo::Image>& images) {
  std::string out = fmt::format("<{}>", list);
  for (const ClientInfo::Image& image : images) {
    out += fmt::format("<{} Name=\"{}\" EmbeddedTransformToFrame=\"{}\">", element, escape_xml(image.name),
                       escape_xml(image.frame));
    if (!image.codec.empty()) out += fmt::format("<Encoding FourCC=\"{}\"/>", escape_xml(image.codec));
    out += fmt::format("</{}>", element);
  }
  return out + fmt::format("</{}>", list);
}

template <class List>
bool contains(const List& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

/// None means all.
bool is_among(const std::vector<std::string>& names, std::string_view name) {
  return names.empty() || contains(names, name);
}
bool is_among(const std::vector<ClientInfo::Image>& images, std::string_view name) {
  return images.empty() || std::any_of(images.begin(), images.end(), [&](const ClientInfo::Image& image) {
           return image.name + "_" + image.frame == name;
         });
}

/// Before it was cut.
std::string_view name_of(const Outgoing& message) {
  for (const MetadataEntry& entry : message.metadata) {
    if (entry.key == "IGTL_DEVICE_NAME") return entry.value;
  }
  return message.device;
}

}  // namespace

ClientInfo read_client_info(ByteView content) {
  const Text text = read_string(content);
  Reader reader;
  // Plus's text ends with a NUL at times.
  const std::string_view xml = std::string_view(text.text).substr(0, text.text.find('\0'));
  read_xml(
      xml, kWhat, [&](const auto& path, const XmlAttributes& attributes) { reader.read(path, attributes); }, kLimits);
  return reader.take();
}

Bytes write_client_info(const ClientInfo& wishes) {
  std::string xml = fmt::format("<ClientInfo ClientHeaderVersion=\"{}\" TDATARequested=\"{}\" TDATAResolution=\"{}\">",
                                wishes.header_version, wishes.tracking ? "TRUE" : "FALSE", wishes.tracking_interval);
  xml += names_of("MessageTypes", "Message", "Type", wishes.types);
  xml += names_of("TransformNames", "Transform", "Name", wishes.transforms);
  xml += names_of("StringNames", "String", "Name", wishes.strings);
  xml += images_of("ImageNames", "Image", wishes.images);
  xml += images_of("VideoNames", "Video", wishes.videos);
  return write_string({xml + "</ClientInfo>"});
}

bool wants(const ClientInfo& wishes, const Outgoing& message) {
  const std::string_view type = message.type, name = name_of(message);
  if (type == "STATUS" || type == "COMMAND") return true;
  if (type == "IMAGE") {
    return (contains(wishes.types, type) || contains(wishes.types, "TRACKEDFRAME")) && is_among(wishes.images, name);
  }
  if (!contains(wishes.types, type)) return false;
  if (type == "VIDEO") return is_among(wishes.videos, name);
  if (type == "TRANSFORM" || type == "POSITION") return is_among(wishes.transforms, name);
  if (type == "STRING") return is_among(wishes.strings, name);
  if (type == "TDATA") return wishes.tracking;
  return true;
}

std::string summary_of(const ClientInfo& wishes) {
  constexpr std::size_t longest = 200;
  std::vector<std::string> names = wishes.types;
  for (const auto* list : {&wishes.images, &wishes.videos}) {
    for (const ClientInfo::Image& image : *list) names.push_back(image.name + "_" + image.frame);
  }
  for (const auto* list : {&wishes.transforms, &wishes.strings}) names.insert(names.end(), list->begin(), list->end());
  std::string out = names.empty() ? "nothing" : fmt::format("{}", fmt::join(names, ", "));
  if (out.size() > longest) out.replace(longest - 3, std::string::npos, "...");
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return out;
}

}  // namespace sagittal::igtl
