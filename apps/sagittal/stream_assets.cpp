#include "stream_assets.h"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/error.h"
#include "hub/catalogue.h"
#include "keras_folder.h"
#include "licence_question.h"
#include "net/download.h"
#include "net/http_client.h"
#include "progress_bar.h"
#include "store/folder_lock.h"
#include "stream_operators.h"

namespace sagittal {
namespace {

namespace fs = std::filesystem;

double megabytes(std::uint64_t bytes) { return static_cast<double>(bytes) * 1e-6; }

/// The path behind the host, behind another host.
std::string address_of(const stream::Asset& asset, const std::string& mirror) {
  if (mirror.empty()) return asset.url;
  const std::size_t host = asset.url.find("://") + 3;
  return net::checked_base_url(mirror) + asset.url.substr(asset.url.find('/', host));
}

void download(const stream::Asset& asset, const std::string& url, const fs::path& file) {
  net::HttpOptions options;
  options.timeout = std::chrono::seconds(0);
  const net::HttpClient client(options);
  ProgressBar bar;
  net::download(client, {.url = url, .file = file, .sha256 = asset.sha256, .max_bytes = asset.bytes},
                {.sink = bar.sink(), .cancel = {}});
}

/// Puts together what operators are given.
void prepare(const stream::Asset& asset, const fs::path& file, const fs::path& folder) {
  fs::create_directories(folder);
  if (asset.convert) {
    convert_keras_file(file, folder,
                       {file.stem().string(),
                        {asset.convert->divide_by_maximum, asset.convert->flip_vertically},
                        asset.convert->labels});
  } else {
    fs::rename(file, folder / asset.file);
  }
  Json record = stream::record_of(asset);
  record["licence_accepted"] = true;
  record["fetched"] = hub::utc_now();
  write_file_atomically(folder / "source.json", as_bytes(record.dump(2) + "\n"));
}

void fetch_into(const stream::Asset& asset, const fs::path& assets, const std::string& mirror) {
  const fs::path folder = stream::folder_of(asset, assets);
  const fs::path work = assets / (".fetch-" + folder.filename().string());
  durable::make_private_folder(assets);
  {
    const durable::FolderLock lock(work);
    download(asset, address_of(asset, mirror), work / asset.file);
    fs::remove_all(work / "ready");
    prepare(asset, work / asset.file, work / "ready");
    fs::remove_all(folder);
    fs::rename(work / "ready", folder);
  }
  fs::remove_all(work);
}

}  // namespace

FetchedAsset fetch_asset(const stream::Asset& asset, const fs::path& assets, const std::string& mirror) {
  if (stream::is_there(asset, assets)) return {stream::path_of(asset, assets), true};
  try {
    fetch_into(asset, assets, mirror);
  } catch (const fs::filesystem_error& error) {
    throw Error(ErrorCode::io, error.what());
  }
  return {stream::path_of(asset, assets), false};
}

void offer_assets(const stream::PipelineFile& pipeline, const StreamOptions& options) {
  if (!can_ask()) return;
  const fs::path assets = assets_directory(options.data_directory);
  for (const stream::Asset& asset : stream::missing_assets(pipeline, assets)) {
    const std::string what =
        fmt::format("{} ({:.1f} MB from {}) is not here yet.", asset.title, megabytes(asset.bytes), asset.url);
    if (!accepts_licence(what, asset.licence, asset.licence_url)) continue;
    try {
      fetch_asset(asset, assets, "");
    } catch (const Error& error) {
      log_stream(LogLevel::warning, error.what());
    }
  }
}

void settle(stream::PipelineFile& pipeline, const StreamOptions& options) {
  const auto stood_in = stream::settle_assets(pipeline, assets_directory(options.data_directory));
  for (const stream::StoodIn& one : stood_in) log_stream(LogLevel::warning, stream::describe(one));
  if (stood_in.empty()) return;
  log_stream(LogLevel::warning,
             fmt::format("NOT REAL DATA. `sagittal stream fetch {}` gets what is missing", options.pipeline));
}

std::string assets_text(const std::string& pipeline, const std::vector<stream::Asset>& all, const fs::path& assets) {
  std::uint64_t missing = 0;
  for (const stream::Asset& asset : all) missing += stream::is_there(asset, assets) ? 0 : asset.bytes;
  if (missing > 0)
    return fmt::format(" (not fetched, {:.1f} MB: sagittal stream fetch {})", megabytes(missing), pipeline);
  return all.empty() ? "" : " (fetched)";
}

Json assets_json(const std::vector<stream::Asset>& all, const fs::path& assets) {
  Json rows = Json::array();
  for (const stream::Asset& asset : all) {
    Json row = stream::record_of(asset);
    row["bytes"] = asset.bytes;
    row["fetched"] = stream::is_there(asset, assets);
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace sagittal
