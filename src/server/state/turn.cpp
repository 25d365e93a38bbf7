#include <utility>

#include "base/error.h"
#include "interact/normalised_image.h"
#include "server/state/sessions.h"

namespace sagittal::server {

Turn::Turn(Sessions& sessions, std::string key, std::shared_ptr<ClientSession> client)
    : sessions_(sessions), key_(std::move(key)), client_(std::move(client)), lock_(client_->mutex) {
  sessions_.restore(key_, *client_);
}

Turn::~Turn() {
  const bool ahead = sessions_.journal_ != nullptr && !client_->ended &&
                     (client_->kept.new_image.has_value() || !client_->session.take_record().empty());
  if (ahead) sessions_.unload(*client_);
  sessions_.count_memory(key_, *client_);
}

void Turn::put_image(ImageEncoding encoding, ScalarType type, const Index3& shape, ByteView bytes) {
  if (sessions_.journal_ == nullptr) return;
  client_->kept.new_image = sessions_.journal_->put_image(encoding, type, shape, bytes);
}

void Turn::use_image(KeptImage image) {
  if (sessions_.journal_ != nullptr) client_->kept.new_image = std::move(image);
}

void Turn::keep(Json about) {
  client_->kept.about = std::move(about);
  keep();
}

void Turn::keep() {
  if (sessions_.journal_ == nullptr || client_->ended) return;
  try {
    sessions_.journal_->write(key_, client_->kept, client_->session, client_->upload.text());
  } catch (...) {
    sessions_.unload(*client_);
    throw;
  }
}

std::shared_ptr<ClientSession> Sessions::make_client() const { return std::make_shared<ClientSession>(model_, pool_); }

/// The journal has the session as it was before what went wrong.
void Sessions::unload(ClientSession& client) const {
  if (client.kept.new_image) {
    const std::string volume = *client.kept.new_image->volume;
    client.kept.new_image.reset();
    journal_->store().discard(volume);
  }
  client.session = interact::Session(model_, pool_);
  client.packed.forget();
  client.bytes.forget();
  client.kept = {};
  client.restored = false;
}

Turn Sessions::begin(const std::string& key, std::chrono::seconds min_idle) {
  return Turn(*this, key, get(key, min_idle));
}

void Sessions::restore(const std::string& key, ClientSession& client) {
  if (journal_ == nullptr || client.restored) return;
  try {
    client.session = interact::Session(model_, pool_, {.keep_record = true});
    if (auto kept = journal_->find(key)) {
      if (kept->image) {
        reserve_image(key, interact::image_bytes(kept->image->type, whole(kept->image->shape).volume()));
      }
      journal_->load(key, *kept, client.session, limits_.max_memory_bytes);
      client.upload.restore(kept->note);
      client.kept = std::move(*kept);
    }
  } catch (const Error& error) {
    unload(client);
    count_memory(key, client);
    const bool damaged = error.code() == ErrorCode::bad_input || error.code() == ErrorCode::not_found;
    if (!damaged) throw;
    journal_->give_up(key, error.what());
    client.session = interact::Session(model_, pool_, {.keep_record = true});
  } catch (...) {
    unload(client);
    count_memory(key, client);
    throw;
  }
  client.restored = true;
}

void Sessions::sweep() {
  if (journal_ == nullptr) return;
  std::vector<durable::Store::Use> uses;
  std::vector<Dropped> dropped;  // destroyed after the lock is released
  {
    const std::lock_guard lock(mutex_);
    const auto now = clock_();
    for (auto entry = entries_.begin(); entry != entries_.end();) {
      const auto next = std::next(entry);
      const auto unused = now - entry->second.last_used;
      const std::int64_t used_ms =
          journal_->store().now_ms() - std::chrono::duration_cast<std::chrono::milliseconds>(unused).count();
      uses.push_back({entry->first, used_ms, used_ms});
      if (entry->second.session->restored && entry->second.session.use_count() == 1 && unused > limits_.unload_after) {
        dropped.push_back(std::move(entry->second.session));
        entries_.erase(entry);
      }
      entry = next;
    }
  }
  journal_->store().touch("client", uses);
  expire();
}

void Sessions::expire() {
  const auto keep_for = std::chrono::duration_cast<std::chrono::milliseconds>(limits_.keep_for);
  const std::int64_t oldest = journal_->store().now_ms() - keep_for.count();
  for (const std::string& key : journal_->store().unused_since("client", oldest)) {
    const std::lock_guard lock(mutex_);
    const auto entry = entries_.find(key);
    const bool used = entry != entries_.end() &&
                      (entry->second.session.use_count() > 1 || clock_() - entry->second.last_used < limits_.keep_for);
    if (used) continue;
    if (entry != entries_.end()) entries_.erase(entry);
    journal_->erase(key);
  }
}

}  // namespace sagittal::server
