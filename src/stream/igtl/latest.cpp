#include "stream/igtl/latest.h"

#include <algorithm>

#include <fmt/format.h>

#include "stream/igtl/contents.h"
#include "stream/igtl/known_types.h"

namespace sagittal::igtl {
namespace {

constexpr std::size_t kPrefix = 4;  // "GET_"
constexpr std::uint16_t kGood = 1, kNotFound = 4;

SharedMessagePtr made(std::string_view type, const Header& query, Bytes content) {
  Outgoing message{.type = std::string(type), .device = query.device};
  message.content = std::move(content);
  return std::make_shared<SharedMessage>(std::move(message), nullptr);
}

SharedMessagePtr status_answer(const Header& query, const Status& status) {
  return made("STATUS", query, write_status(status));
}

std::vector<ImageMeta> catalogue(const std::vector<SharedMessagePtr>& images) {
  std::vector<ImageMeta> out;
  for (const SharedMessagePtr& one : images) {
    const Image image = read_image_head(beginning(one->message(), kImageHeadBytes));
    const std::string& device = one->message().device;
    out.push_back({.name = device,
                   .device = device,
                   .modality = {},
                   .patient_name = {},
                   .patient_id = {},
                   .timestamp = one->message().timestamp,
                   .size = image.frame.size,
                   .scalar = static_cast<std::uint8_t>(image.scalar)});
  }
  return out;
}

}  // namespace

void LatestMessages::forget_oldest() {
  const auto oldest = std::min_element(kept_.begin(), kept_.end(),
                                       [](const auto& a, const auto& b) { return a.second.turn < b.second.turn; });
  bytes_ -= oldest->second.message->size();
  kept_.erase(oldest);
}

void LatestMessages::remember(const SharedMessagePtr& message) {
  if (max_bytes_ == 0 || message->replacing() == Replacing::never || message->replacing() == Replacing::by_key) return;
  const std::lock_guard lock(mutex_);
  Kept& kept = kept_[{message->message().type, message->message().device}];
  if (kept.message != nullptr) bytes_ -= kept.message->size();
  kept = {message, ++turn_};
  bytes_ += message->size();
  while (kept_.size() > max_messages_ || (bytes_ > max_bytes_ && kept_.size() > 1)) forget_oldest();
}

std::vector<SharedMessagePtr> LatestMessages::find(std::string_view type, std::string_view device) const {
  const std::lock_guard lock(mutex_);
  std::vector<Kept> found;
  for (const auto& [key, kept] : kept_) {
    const bool is_asked = device.empty() || std::string_view(key.second).substr(0, kNameBytes) == device;
    if (key.first == type && is_asked) found.push_back(kept);
  }
  std::sort(found.begin(), found.end(), [](const Kept& a, const Kept& b) { return a.turn < b.turn; });
  std::vector<SharedMessagePtr> out;
  for (Kept& one : found) out.push_back(std::move(one.message));
  return out;
}

std::vector<SharedMessagePtr> answer_query(const LatestMessages& latest, const Header& query) {
  const std::string_view asked = std::string_view(query.type).substr(kPrefix);
  const std::string_view type = type_asked_for(asked);
  std::vector<SharedMessagePtr> found = latest.find(type.empty() ? asked : type, query.device);
  if (found.empty() && type == "POSITION") found = latest.find("QTRANS", query.device);
  if (!found.empty()) return found;
  if (type == "CAPABILITY") {
    return {made(type, query, write_capability({known_types().begin(), known_types().end()}))};
  }
  if (type == "STATUS") return {status_answer(query, {.code = kGood, .detail = 0, .name = "OK", .message = {}})};
  if (type == "IMGMETA") return {made(type, query, write_image_meta(catalogue(latest.find("IMAGE", query.device))))};
  if (type == "LBMETA") return {made(type, query, write_label_meta({}))};
  const std::string message = fmt::format("no {} of \"{}\"", asked, query.device);
  return {status_answer(query, {.code = kNotFound, .detail = 0, .name = "not found", .message = message})};
}

}  // namespace sagittal::igtl
