#include "server/api/volume_shelf.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "net/sha256.h"
#include "server/state/client_key.h"

namespace sagittal::server {
namespace {

constexpr const char* kKind = "volume";

std::string key_of(const std::string& owner, const std::string& id) { return owned_key(owner, "volume " + id); }

std::chrono::steady_clock::time_point now() { return std::chrono::steady_clock::now(); }

}  // namespace

VolumeShelf::VolumeShelf(SessionJournal* journal, ThreadPool& pool, const ShelfLimits& limits)
    : journal_(journal), pool_(pool), limits_(limits) {
  if (journal_ != nullptr) restore();
}

void VolumeShelf::restore() {
  durable::Store& store = journal_->store();
  for (const durable::Entry& entry : store.entries()) {
    if (entry.kind != kKind) continue;
    try {
      const Json head = parse_head(entry.head);
      File file;
      file.caller = {owner_of(entry.name), json_get_or<std::string>(head, "address", "kept volume", "")};
      file.info = parse_volume_info(json_get<Json>(head, "info", "kept volume"));
      file.kept = entry.volume;
      file.used = now() - std::chrono::milliseconds(store.now_ms() - entry.used_ms);
      files_[entry.name] = std::move(file);
    } catch (const Error& error) {
      journal_->give_up(entry.name, error.what());
    }
  }
}

io::ReadOptions VolumeShelf::read_options() const {
  io::ReadOptions options;
  options.max_bytes = limits_.max_file_bytes;
  options.pool = &pool_;
  return options;
}

VolumeShelf::Added VolumeShelf::add(const Caller& caller, const std::string& name, const std::string& expected_id,
                                    ByteView file, const BytesOwner& owner_of_bytes) {
  const std::string id = net::sha256_hex(file);
  if (!expected_id.empty() && id != expected_id) {
    throw Error(ErrorCode::unsupported,
                fmt::format("the SHA-256 of the {} bytes received is {}, expected {}; nothing was kept", file.size(),
                            id, expected_id));
  }
  if (has(caller.owner, id)) {
    touch(caller.owner, id);
    return {info(caller.owner, id), false};
  }
  File added{caller, describe_volume(file, name, id, read_options()), {}, {}, nullptr, now()};
  VolumeInfo described = added.info;
  durable::Volumes::Pin pin;
  if (journal_ != nullptr) pin = journal_->store().volumes().put(file);
  const std::lock_guard lock(mutex_);
  const std::string key = key_of(caller.owner, id);
  if (files_.contains(key)) return {std::move(described), false};
  make_room(caller, file.size());
  if (pin) {
    keep(key, added, pin);
  } else {
    added.bytes = file;
    added.memory = owner_of_bytes();
  }
  files_[key] = std::move(added);
  return {std::move(described), true};
}

void VolumeShelf::keep(const std::string& key, File& file, const durable::Volumes::Pin& pin) {
  durable::Store& store = journal_->store();
  const std::int64_t time = store.now_ms();
  const Json head{{"info", to_json(file.info)}, {"address", file.caller.address}};
  store.write({.name = key,
               .kind = kKind,
               .head = head.dump(-1, ' ', true, Json::error_handler_t::replace),  // texts of DICOM may be no UTF-8
               .volume = *pin,
               .used_ms = time,
               .active_ms = time},
              durable::Store::Records::replace, {});
  file.kept = *pin;
}

/// Whoever has the file open keeps it.
void VolumeShelf::make_room(const Caller& caller, std::uint64_t bytes) {
  const auto owned = [&] {
    return static_cast<std::size_t>(std::count_if(
        files_.begin(), files_.end(), [&](const auto& file) { return file.second.caller.owner == caller.owner; }));
  };
  while (owned() >= limits_.max_per_owner) erase(oldest(&caller.owner));
  if (journal_ != nullptr) return;
  if (bytes > limits_.max_memory_bytes) {
    throw Error(ErrorCode::too_large,
                fmt::format("a file of {} bytes, this server has {} for all of them", bytes, limits_.max_memory_bytes));
  }
  const auto used = [&] {
    std::uint64_t sum = 0;
    for (const auto& [key, file] : files_) sum += file.bytes.size();
    return sum;
  };
  while (used() + bytes > limits_.max_memory_bytes) erase(oldest(nullptr));
}

VolumeShelf::Files::iterator VolumeShelf::oldest(const std::string* owner) {
  auto found = files_.end();
  for (auto file = files_.begin(); file != files_.end(); ++file) {
    if (owner != nullptr && file->second.caller.owner != *owner) continue;
    if (found == files_.end() || file->second.used < found->second.used) found = file;
  }
  return found;
}

void VolumeShelf::erase(Files::iterator file) {
  if (journal_ != nullptr) journal_->erase(file->first);
  files_.erase(file);
}

const VolumeShelf::File& VolumeShelf::find(const std::string& owner, const std::string& id) const {
  const auto found = files_.find(key_of(owner, id));
  if (found != files_.end()) return found->second;
  throw Error(ErrorCode::not_found, fmt::format("there is no volume {}; upload it first", id.substr(0, 64)));
}

VolumeShelf::File& VolumeShelf::find(const std::string& owner, const std::string& id) {
  return const_cast<File&>(std::as_const(*this).find(owner, id));
}

VolumeInfo VolumeShelf::info(const std::string& owner, const std::string& id) const {
  const std::lock_guard lock(mutex_);
  return find(owner, id).info;
}

bool VolumeShelf::has(const std::string& owner, const std::string& id) const {
  const std::lock_guard lock(mutex_);
  return files_.contains(key_of(owner, id));
}

std::vector<VolumeInfo> VolumeShelf::list(const Caller& caller) const {
  const std::lock_guard lock(mutex_);
  std::vector<VolumeInfo> found;
  for (const auto& [key, file] : files_) {
    if (file.caller.owner == caller.owner && file.caller.address == caller.address) found.push_back(file.info);
  }
  return found;
}

OpenVolume VolumeShelf::open(const std::string& owner, const std::string& id) {
  OpenVolume volume;
  {
    const std::lock_guard lock(mutex_);
    File& file = find(owner, id);
    file.used = now();
    volume.info = file.info;
    volume.bytes = file.bytes;
    volume.memory = file.memory;
    if (journal_ != nullptr) volume.kept = journal_->store().volumes().hold(file.kept);
  }
  if (!volume.kept) return volume;
  const auto bytes =
      std::make_shared<const Buffer>(journal_->store().volumes().get(*volume.kept, limits_.max_file_bytes));
  volume.bytes = bytes->as<const std::uint8_t>();
  volume.memory = bytes;
  return volume;
}

void VolumeShelf::touch(const std::string& owner, const std::string& id) {
  const std::lock_guard lock(mutex_);
  if (const auto found = files_.find(key_of(owner, id)); found != files_.end()) found->second.used = now();
}

void VolumeShelf::remove(const std::string& owner, const std::string& id) {
  const std::lock_guard lock(mutex_);
  find(owner, id);
  erase(files_.find(key_of(owner, id)));
}

void VolumeShelf::sweep() {
  const std::lock_guard lock(mutex_);
  const Time time = now();
  for (auto file = files_.begin(); file != files_.end();) {
    const auto next = std::next(file);
    if (time - file->second.used > limits_.keep_for) erase(file);
    file = next;
  }
  if (journal_ == nullptr) return;
  durable::Store& store = journal_->store();
  std::vector<durable::Store::Use> uses;
  for (const auto& [key, file] : files_) {
    const auto ago = std::chrono::duration_cast<std::chrono::milliseconds>(time - file.used).count();
    uses.push_back({key, store.now_ms() - ago, store.now_ms() - ago});
  }
  store.touch(kKind, uses);
}

}  // namespace sagittal::server
