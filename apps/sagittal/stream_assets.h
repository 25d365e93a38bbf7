#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"
#include "stream/assets.h"
#include "stream_options.h"

namespace sagittal {

struct FetchedAsset {
  std::filesystem::path path;  ///< what operators are given
  bool was_there = false;
};

/// Brings an asset below `assets`, whole or not at all; a broken or stopped fetch goes on where it was. `mirror` takes
/// the place of the scheme and host of its URL. Its licence has been accepted before. Progress on standard error.
/// Error as of net::download, and of the conversion.
FetchedAsset fetch_asset(const stream::Asset& asset, const std::filesystem::path& assets, const std::string& mirror);

/// Asks a person at a terminal whether what the pipeline lacks is to be fetched now, and does it. What goes wrong is
/// said, and the pipeline goes on without.
void offer_assets(const stream::PipelineFile& pipeline, const StreamOptions& options);

/// Gives operators their assets, or says on standard error what is generated in their place and how to get them.
void settle(stream::PipelineFile& pipeline, const StreamOptions& options);

/// Beside a pipeline in a list: empty, "fetched", or how to fetch what it needs.
std::string assets_text(const std::string& pipeline, const std::vector<stream::Asset>& all,
                        const std::filesystem::path& assets);
Json assets_json(const std::vector<stream::Asset>& all, const std::filesystem::path& assets);

}  // namespace sagittal
