#include "server/state/upload_note.h"

#include <utility>

#include "server/state/sessions.h"

namespace sagittal::server {
namespace {

constexpr const char* kUploading = "uploading";

}  // namespace

void UploadNote::succeeded() {
  const std::lock_guard lock(mutex_);
  reason_.clear();
  lost_ = lasting_ = asked_ = false;
}

void UploadNote::failed(std::string reason, bool lasting) {
  const std::lock_guard lock(mutex_);
  reason_ = std::move(reason);
  lost_ = true;
  lasting_ = lasting;
}

std::string UploadNote::refusal(bool last_of_click) {
  const std::lock_guard lock(mutex_);
  const bool failed_when_asked = asked_ && !reason_.empty();
  if (!lasting_ && !failed_when_asked) {
    asked_ = true;
    reason_.clear();
    return {};
  }
  std::string reason = reason_;
  if (last_of_click && !lasting_) {
    asked_ = false;
    reason_.clear();
  }
  return reason;
}

bool UploadNote::image_is_lost() const {
  const std::lock_guard lock(mutex_);
  return lost_;
}

std::string UploadNote::text() const {
  const std::lock_guard lock(mutex_);
  if (!lost_) return {};
  return Json{{"reason", reason_}, {"lasting", lasting_}, {"asked", asked_}}.dump(-1, ' ', true,
                                                                                  Json::error_handler_t::replace);
}

void UploadNote::restore(const std::string& text) {
  const std::lock_guard lock(mutex_);
  if (text.empty() || lost_) return;
  lost_ = true;
  if (text == kUploading) return;
  const Json json = parse_json(text, "upload note");
  reason_ = json_get<std::string>(json, "reason", "upload note");
  lasting_ = json_get<bool>(json, "lasting", "upload note");
  asked_ = json_get<bool>(json, "asked", "upload note");
}

void Sessions::keep_note(const std::string& key) {
  if (journal_ == nullptr) return;
  std::shared_ptr<ClientSession> client;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = entries_.find(key); found != entries_.end()) client = found->second.session;
  }
  if (!client) return;
  const std::string text = client->upload.text();
  if (client->restored || !text.empty()) journal_->set_note(key, text);
}

void Sessions::note_upload_begins(const std::string& key) {
  if (journal_ != nullptr) journal_->set_note(key, kUploading);
}

}  // namespace sagittal::server
