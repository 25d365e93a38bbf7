#include "hub/fetch.h"

#include <algorithm>
#include <memory>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "hub/archive.h"
#include "hub/catalogue.h"
#include "hub/manifest.h"
#include "net/download.h"
#include "net/http_client.h"
#include "net/sha256.h"
#include "nn/model_folder.h"
#include "store/folder_lock.h"

namespace sagittal::hub {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxArchive = std::uint64_t{16} << 30;
constexpr std::uint64_t kMaxUnpacked = std::uint64_t{64} << 30;

net::HttpClient make_client() {
  net::HttpOptions options;
  options.timeout = std::chrono::seconds(0);
  return net::HttpClient(options);
}

class Fetcher {
 public:
  Fetcher(const KnownWeights& weights, const FetchOptions& options, const RunControl& control)
      : weights_(weights),
        options_(options),
        control_(control),
        client_(make_client()),
        base_(net::checked_base_url(!options.mirror.empty()                        ? options.mirror
                                    : weights.host == KnownWeights::Host::archives ? "https://github.com"
                                                                                   : "https://huggingface.co")) {}

  std::vector<FetchedModel> run() {
    durable::make_private_folder(options_.models);
    if (weights_.host == KnownWeights::Host::huggingface) return {fetch_repository()};
    std::vector<FetchedModel> out;
    for (const KnownWeights::Archive& archive : weights_.archives) out.push_back(fetch_archive(archive));
    return out;
  }

 private:
  /// Where a model is put together; its name begins with a dot, so that nobody takes it for a model.
  fs::path workshop(const std::string& folder) const { return options_.models / (".fetch-" + folder); }

  FetchedModel fetch_archive(const KnownWeights::Archive& archive) {
    FetchedModel out{.folder = options_.models / archive.folder};
    if (fs::exists(out.folder)) {
      out.was_there = true;
      return out;
    }
    const fs::path work = workshop(archive.folder);
    {
      const durable::FolderLock lock(work);
      const fs::path file = work / "archive.zip";
      const std::string url = base_ + archive.path;
      const std::string sha256 = net::download(
          client_, {.url = url, .file = file, .sha256 = archive.sha256, .max_bytes = kMaxArchive}, control_);
      out.files.push_back({url, sha256, !archive.sha256.empty()});
      try {
        unpack(file, work, archive.folder);
        finish(work / "unpacked" / archive.folder, out);
      } catch (const Error& error) {
        if (error.code() != ErrorCode::cancelled) fs::remove(file);
        fs::remove_all(work / "unpacked");
        throw;
      }
    }
    fs::remove_all(work);
    return out;
  }

  void unpack(const fs::path& file, const fs::path& work, const std::string& folder) const {
    fs::remove_all(work / "unpacked");
    unpack_archive(file, work / "unpacked", {.max_bytes = kMaxUnpacked}, control_);
    for (const auto& entry : fs::directory_iterator(work / "unpacked")) {
      if (entry.path().filename() == folder && entry.is_directory()) continue;
      throw Error(ErrorCode::bad_input,
                  fmt::format("the archive has '{}' beside the folder {}", entry.path().filename().string(), folder));
    }
  }

  FetchedModel fetch_repository() {
    const ManifestModel model = choose_model(get(manifest_path(weights_.repository)), weights_.model);
    FetchedModel out{.folder = options_.models / model.id};
    if (fs::exists(out.folder)) {
      out.was_there = true;
      return out;
    }
    const fs::path work = workshop(model.id);
    {
      const durable::FolderLock lock(work);
      const auto files = parse_file_list(get(list_path(weights_.repository, model.path)), model.path);
      for (const ListedFile& file : files) fetch_file(file, model, work / "files", out);
      finish(work / "files", out);
    }
    fs::remove_all(work);
    return out;
  }

  void fetch_file(const ListedFile& file, const ManifestModel& model, const fs::path& folder, FetchedModel& out) {
    const fs::path path = folder / file.path;
    const std::string url = base_ + file_path(weights_.repository, model.path + "/" + file.path);
    fs::create_directories(path.parent_path());
    const bool here = fs::exists(path) && fs::file_size(path) == file.size;
    const std::string known = here ? net::sha256_hex(MappedFile(path).bytes()) : "";
    const bool good = here && (file.sha256.empty() || known == file.sha256);
    const std::string sha256 =
        good
            ? known
            : net::download(
                  client_,
                  {.url = url, .file = path, .sha256 = file.sha256, .max_bytes = std::max<std::uint64_t>(file.size, 1)},
                  control_);
    if (fs::file_size(path) != file.size) {
      throw Error(ErrorCode::bad_input,
                  fmt::format("{}: expected {} bytes, found {}", url, file.size, fs::file_size(path)));
    }
    out.files.push_back({url, sha256, !file.sha256.empty()});
  }

  std::string get(const std::string& path) const {
    const net::HttpAnswer answer =
        client_.send({.url = base_ + path, .max_answer_bytes = kMaxListBytes}, control_.cancel);
    if (answer.status == 200) return std::string(as_text(answer.body));
    throw Error(answer.status == 404 ? ErrorCode::not_found : ErrorCode::unavailable,
                fmt::format("{}{} answered {}", base_, path, answer.status));
  }

  /// From here on it is a model.
  void finish(const fs::path& folder, const FetchedModel& model) const {
    if (nn::find_model_folders(folder).empty()) {
      throw Error(ErrorCode::bad_input,
                  fmt::format("what came for {} is no model: no plans.json is in it", weights_.name));
    }
    Json files = Json::array();
    for (const auto& file : model.files) {
      files.push_back({{"url", file.url}, {"sha256", file.sha256}, {"published", file.published}});
    }
    const Json source{{"name", weights_.name},
                      {"licence", weights_.licence},
                      {"licence_accepted", true},
                      {"fetched", utc_now()},
                      {"files", files}};
    write_file_atomically(folder / "source.json", as_bytes(source.dump(2) + "\n"));
    std::error_code failure;
    fs::rename(folder, model.folder, failure);
    if (failure)
      throw Error(ErrorCode::io, fmt::format("cannot make {}: {}", model.folder.string(), failure.message()));
  }

  const KnownWeights& weights_;
  const FetchOptions& options_;
  const RunControl& control_;
  const net::HttpClient client_;
  const std::string base_;
};

}  // namespace

void require_licence(std::string_view what, std::string_view licence, std::string_view licence_url,
                     std::string_view accepted) {
  if (lower_case(accepted) == lower_case(licence)) return;
  const std::string given = accepted.empty() ? "" : fmt::format("; '{}' is another licence", accepted);
  throw Error(ErrorCode::wrong_usage, fmt::format("{} has the licence {} ({}); accept it with --accept-licence {}{}",
                                                  what, licence, licence_url, licence, given));
}

std::vector<FetchedModel> fetch_weights(const KnownWeights& weights, const FetchOptions& options,
                                        const RunControl& control) {
  require_licence(weights.name, weights.licence, weights.licence_uri, options.accepted);
  try {
    return Fetcher(weights, options, control).run();
  } catch (const fs::filesystem_error& error) {
    throw Error(ErrorCode::io, error.what());
  }
}

}  // namespace sagittal::hub
