#pragma once
#include <mutex>
#include <string>

namespace sagittal::server {

/// What a client that believes its image to be on the server has been told about it. Guarded by itself; never held
/// during work.
class UploadNote {
 public:
  /// The session's image is the one the client shows.
  void succeeded();
  /// The last upload failed, so whatever image the session holds is not the one that the client shows. `lasting`: the
  /// same upload would fail again.
  void failed(std::string reason, bool lasting);

  /// The reason to give instead of asking for the image, where asking would go on for ever: the upload was refused for
  /// good, or failed although the client had just been asked for it. Empty: ask. `last_of_click`: the client gives up
  /// after this answer, so that its next one may be asked again.
  std::string refusal(bool last_of_click);
  bool image_is_lost() const;

  /// All of it as text, empty where there is nothing to tell; and back, unless something was noted already.
  std::string text() const;
  void restore(const std::string& text);

 private:
  mutable std::mutex mutex_;
  std::string reason_;
  bool lost_ = false;
  bool lasting_ = false;
  bool asked_ = false;
};

}  // namespace sagittal::server
