#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "interact/normalised_image.h"
#include "server/state/sessions.h"

namespace sagittal::server {

Turn::Turn(Sessions& sessions, std::string key, std::shared_ptr<ClientSession> client, const Models::Model& model)
    : sessions_(sessions),
      key_(std::move(key)),
      client_(std::move(client)),
      lock_(client_->mutex),
      changed_model_(sessions_.restore(key_, *client_, model)) {}

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

std::shared_ptr<ClientSession> Sessions::make_client() const {
  return std::make_shared<ClientSession>(models_.first(), pool_);
}

interact::Session Sessions::make_session(const Models::Model& model) const {
  return interact::Session(model, pool_, {.keep_record = journal_ != nullptr});
}

/// The journal has the session as it was before what went wrong.
void Sessions::unload(ClientSession& client) const {
  if (client.kept.new_image) {
    const std::string volume = *client.kept.new_image->volume;
    client.kept.new_image.reset();
    journal_->store().discard(volume);
  }
  client.session = make_session(models_.first());
  client.packed.forget();
  client.bytes.forget();
  client.kept = {};
  client.restored = false;
}

Turn Sessions::begin(const std::string& key, std::chrono::seconds min_idle, const Models::Model& model) {
  return Turn(*this, key, get(key, min_idle), model);
}

/// Makes it what the journal has, or a new one of the same image where that has another model than `wanted`: then the
/// result is true.
bool Sessions::read(const std::string& key, ClientSession& client, const Models::Model& wanted) {
  auto kept = journal_->find(key);
  const std::string name = kept && kept->image ? kept->model : "";
  const Models::Model own = name.empty() ? models_.first() : models_.find(name);
  if (!own && !wanted) {
    throw Error(ErrorCode::conflict,
                fmt::format("this session is one with the model {0}, which this server does not have; it goes on where "
                            "the server is started with --model {0}",
                            name));
  }
  client.session = make_session(wanted ? wanted : own);
  if (!kept) return false;
  if (kept->image) reserve_image(key, interact::image_bytes(kept->image->type, whole(kept->image->shape).volume()));
  const bool other = wanted && wanted != own && kept->image;
  if (other) {
    journal_->load_without_record(*kept, client.session, limits_.max_memory_bytes);
  } else {
    journal_->load(key, *kept, client.session, limits_.max_memory_bytes);
  }
  client.upload.restore(kept->note);
  client.kept = std::move(*kept);
  return other;
}

bool Sessions::read_or_give_up(const std::string& key, ClientSession& client, const Models::Model& wanted) {
  bool changed = false;
  try {
    changed = read(key, client, wanted);
  } catch (const Error& error) {
    unload(client);
    count_memory(key, client);
    const bool damaged = error.code() == ErrorCode::bad_input || error.code() == ErrorCode::not_found;
    if (!damaged) throw;
    journal_->give_up(key, error.what());
    client.session = make_session(wanted ? wanted : models_.first());
  } catch (...) {
    unload(client);
    count_memory(key, client);
    throw;
  }
  client.restored = true;
  return changed;
}

bool Sessions::restore(const std::string& key, ClientSession& client, const Models::Model& wanted) {
  bool changed = false;
  if (journal_ != nullptr && !client.restored) {
    changed = read_or_give_up(key, client, wanted);
  } else if (wanted && wanted.get() != &client.session.model()) {
    client.session = client.session.with_model(wanted);
    changed = client.session.has_image();
  }
  if (!changed) return false;
  client.packed.forget();
  client.bytes.forget();
  client.kept.new_image = client.kept.image;  // its records so far end with this turn, where it is kept
  return true;
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
  keep_data_limit();
}

/// Prompts are never refused: what they made too much is removed here, as far as it can be.
void Sessions::keep_data_limit() {
  try {
    make_disk_room(0);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::unavailable) throw;
  }
}

void Sessions::expire() {
  const auto keep_for = std::chrono::duration_cast<std::chrono::milliseconds>(limits_.keep_for);
  const std::int64_t oldest = journal_->store().now_ms() - keep_for.count();
  for (const std::string& key : journal_->store().unused_since("client", oldest)) {
    end_unused(key, limits_.keep_for);
  }
}

/// False where it is in use, or was within `unused_for`.
bool Sessions::end_unused(const std::string& key, std::chrono::seconds unused_for) {
  Dropped dropped;  // destroyed after the lock is released
  const std::lock_guard lock(mutex_);
  if (const auto entry = entries_.find(key); entry != entries_.end()) {
    const bool in_use = entry->second.session.use_count() > 1;
    if (in_use || clock_() - entry->second.last_used < unused_for) return false;
    entry->second.session->ended = true;
    dropped = std::move(entry->second.session);
    entries_.erase(entry);
  }
  journal_->erase(key);
  return true;
}

void Sessions::make_disk_room(std::uint64_t needed) {
  constexpr std::chrono::seconds kAtWork{600};
  const std::uint64_t limit = limits_.max_data_bytes;
  if (journal_ == nullptr || limit == 0) return;
  if (needed > limit) {
    throw Error(ErrorCode::too_large, fmt::format("the file takes {} on the server's disk, where {} are for all files",
                                                  size_text(needed), size_text(limit)));
  }
  durable::Store& store = journal_->store();
  const auto fits = [&] { return store.bytes() + (other_data_bytes_ ? other_data_bytes_() : 0) + needed <= limit; };
  if (fits()) return;
  std::vector<durable::Entry> entries = store.entries();
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.used_ms < b.used_ms; });
  const std::int64_t recent = store.now_ms() - std::chrono::milliseconds(kAtWork).count();
  for (const durable::Entry& entry : entries) {
    if (entry.volume.empty()) continue;
    if (entry.used_ms > recent) break;
    if (end_unused(entry.name, kAtWork) && fits()) return;
  }
  throw Error(
      ErrorCode::unavailable,
      fmt::format("the {} that this server keeps on its disk are taken by sessions in use and saved labels; try "
                  "again later",
                  size_text(limit)));
}

}  // namespace sagittal::server
