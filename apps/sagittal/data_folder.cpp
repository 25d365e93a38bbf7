#include "data_folder.h"

#include <utility>

#include <fmt/format.h>

#include "base/error.h"

namespace sagittal {

DataFolder::DataFolder(const std::filesystem::path& folder, ThreadPool& pool, const LogSink& log) {
  if (folder == kNoFolder) return;
  try {
    store_ = std::make_unique<durable::Store>(folder, log);
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("{} with --data-dir DIR, or keep all sessions in memory with --data-dir {}",
                                          error.what(), kNoFolder));
  }
  journal_ = std::make_unique<server::SessionJournal>(*store_, pool, log);
}

void DataFolder::limit(std::function<void(std::uint64_t)> make_room) const {
  if (store_) store_->volumes().set_make_room(std::move(make_room));
}

}  // namespace sagittal
