#include "hub/model_source.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "hub/archive.h"
#include "hub/plain_text.h"
#include "net/http_client.h"

namespace sagittal::hub {
namespace {

constexpr std::size_t kMostModels = 5000;
constexpr std::uint64_t kMaxDownload = std::uint64_t{256} << 20;
constexpr std::size_t kMaxListBytes = std::size_t{32} << 20;
constexpr std::size_t kMaxCardBytes = std::size_t{8} << 20;  // of all files of one model

/// What was gathered of each model's folder; a problem keeps the model from being read.
struct Gathered {
  CardFiles card;
  std::string problem = {};
};
using Folders = std::map<std::string, Gathered>;

FoundModels read_cards(const Folders& folders, const RunControl& control) {
  FoundModels found;
  std::size_t done = 0;
  for (const auto& [name, gathered] : folders) {
    const CardFiles& files = gathered.card;
    control.check();
    control.report("reading", static_cast<double>(done++) / static_cast<double>(folders.size()));
    if (!gathered.problem.empty()) {
      found.problems.push_back(fmt::format("{}: {}", plain_line(name, 80), gathered.problem));
      continue;
    }
    if (!files.files.contains("meta.json")) {
      found.skipped.push_back(plain_line(name, 80));
      continue;
    }
    try {
      found.cards.push_back(read_card(files));
    } catch (const Error& error) {
      found.problems.push_back(fmt::format("{}: {}", plain_line(name, 80), error.what()));
    }
  }
  return found;
}

FoundModels checked(FoundModels found) {
  const auto by_name = [](const ModelCard& a, const ModelCard& b) { return a.name < b.name; };
  std::stable_sort(found.cards.begin(), found.cards.end(), by_name);
  std::set<std::string> names;
  std::erase_if(found.cards, [&](const ModelCard& card) {
    const bool twice = !names.insert(card.name).second;
    if (twice) found.problems.push_back(fmt::format("{}: there twice, the first counts", card.name));
    return twice;
  });
  if (!found.cards.empty()) return found;
  const std::string why = found.problems.empty() ? "" : fmt::format("; {}", found.problems.front());
  throw Error(ErrorCode::not_found,
              fmt::format("no model there, expected the folders of MHub's repository with a meta.json each{}", why));
}

void add_file(Gathered& model, const std::string& path, std::string text) {
  std::size_t total = text.size();
  for (const auto& [known, content] : model.card.files) total += content.size();
  if (text.size() <= CardFiles::kMaxFileBytes && total <= kMaxCardBytes) {
    model.card.files.emplace(path, std::move(text));
  } else if (model.problem.empty()) {
    model.problem = fmt::format("{} is longer than {}", path, size_text(CardFiles::kMaxFileBytes));
  }
}

bool is_plain_file(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::symlink_status(path, ignored).type() == std::filesystem::file_type::regular;
}
bool is_plain_folder(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::symlink_status(path, ignored).type() == std::filesystem::file_type::directory;
}

std::vector<std::filesystem::path> children(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> out;
  std::error_code failure;
  for (std::filesystem::directory_iterator at(folder, failure), end; !failure && at != end; at.increment(failure)) {
    out.push_back(at->path());
    if (out.size() > kMostModels) {
      throw Error(ErrorCode::too_large, fmt::format("{} has more than {} entries", folder.string(), kMostModels));
    }
  }
  if (failure) throw Error(ErrorCode::not_found, fmt::format("cannot read {}: {}", folder.string(), failure.message()));
  std::sort(out.begin(), out.end());
  return out;
}

Gathered read_model_folder(const std::filesystem::path& folder) {
  Gathered model{.card = {.name = folder.filename().string(), .files = {}}};
  try {
    std::vector<std::filesystem::path> candidates{folder / "meta.json", folder / "mhub.toml"};
    if (is_plain_folder(folder / "config")) {
      for (const auto& path : children(folder / "config")) candidates.push_back(path);
    }
    for (const auto& path : candidates) {
      const std::string below = path.lexically_relative(folder).generic_string();
      if (!CardFiles::wants(below) || !is_plain_file(path)) continue;
      add_file(model, below, std::string(as_text(read_file(path, CardFiles::kMaxFileBytes))));
    }
  } catch (const Error& error) {
    model.problem = error.what();
  }
  return model;
}

/// Splits ".../models/NAME/config/x.yml"; nothing for other paths.
std::optional<std::pair<std::string, std::string>> model_path(const std::string& path) {
  const auto parts = split(path, '/');
  for (std::size_t n = 0; n + 2 < parts.size() && n < 3; ++n) {
    if (parts[n] != "models") continue;
    const auto below = static_cast<std::size_t>(parts[n + 2].data() - path.data());
    return std::pair(std::string(parts[n + 1]), path.substr(below));
  }
  return std::nullopt;
}

/// Gathers the members of an archive by their models; one byte more than a file may have is kept to tell.
class ArchiveReader {
 public:
  MemberSink choose(const ArchiveMember& member) {
    finish_file();
    const auto place = model_path(member.path);
    if (!place || member.is_folder) return {};
    if (folders_.size() == kMostModels && !folders_.contains(place->first)) {
      throw Error(ErrorCode::too_large, fmt::format("the archive has more than {} models", kMostModels));
    }
    Gathered& files = folders_[place->first];
    files.card.name = place->first;
    if (!CardFiles::wants(place->second)) return {};
    model_ = &files;
    below_ = place->second;
    return [this](ByteView block) {
      const std::size_t room = CardFiles::kMaxFileBytes + 1 - text_.size();
      text_ += as_text(block.first(std::min(room, block.size())));
    };
  }

  Folders finish() {
    finish_file();
    return std::move(folders_);
  }

 private:
  void finish_file() {
    if (model_ != nullptr) add_file(*model_, below_, std::move(text_));
    model_ = nullptr;
    text_.clear();
  }

  Folders folders_;
  Gathered* model_ = nullptr;  ///< of the file that is being read
  std::string below_;
  std::string text_;
};

FoundModels find_in_archive(ByteView bytes, const RunControl& control) {
  ArchiveReader reader;
  read_archive(bytes, {}, [&](const ArchiveMember& member) { return reader.choose(member); });
  return checked(read_cards(reader.finish(), control));
}

Bytes download(const std::string& url, const RunControl& control, std::uint64_t max_bytes = kMaxDownload) {
  net::HttpOptions options;
  options.timeout = std::chrono::minutes(10);
  const net::HttpClient client(options);
  Bytes body;
  const auto sink = [&](const net::HttpAnswer&, ByteView block) {
    body.insert(body.end(), block.begin(), block.end());
    control.report("fetching", 0);
  };
  const net::HttpRequest request{
      .url = url, .headers = {{"Accept", "application/json, */*"}}, .max_answer_bytes = max_bytes};
  const net::HttpAnswer answer = client.send(request, control.cancel, sink);
  if (answer.status == 404) throw Error(ErrorCode::not_found, fmt::format("{} is not there", url));
  if (answer.status != 200) {
    throw Error(ErrorCode::unavailable, fmt::format("{} answered {} instead of the models", url, answer.status));
  }
  return body;
}

}  // namespace

FoundModels find_in_folder(const std::filesystem::path& folder, const RunControl& control) {
  const auto models = is_plain_folder(folder / "models") ? folder / "models" : folder;
  Folders folders;
  for (const auto& path : children(models)) {
    if (is_plain_folder(path)) folders[path.filename().string()] = read_model_folder(path);
  }
  return checked(read_cards(folders, control));
}

FoundModels find_in_bytes(ByteView bytes, const RunControl& control) {
  if (looks_like_archive(bytes)) return find_in_archive(bytes, control);
  if (bytes.size() > kMaxListBytes) {
    throw Error(ErrorCode::too_large, fmt::format("the list of models is longer than {}", size_text(kMaxListBytes)));
  }
  FoundModels found;
  found.cards = read_web_api(as_text(bytes), found.problems);
  return checked(std::move(found));
}

std::string fetch_workflow(const std::string& repository, const std::string& model, const std::string& workflow,
                           const RunControl& control) {
  if (!is_model_name(model) || !is_model_name(workflow)) {
    throw Error(ErrorCode::wrong_usage, fmt::format("'{}' of '{}' can be no workflow of a model",
                                                    plain_line(workflow, 80), plain_line(model, 80)));
  }
  const std::string url = fmt::format("{}/models/{}/config/{}.yml", repository, model, workflow);
  return std::string(as_text(download(url, control, CardFiles::kMaxFileBytes)));
}

FoundModels find_models(const std::string& from, const RunControl& control) {
  try {
    if (from.starts_with("http://") || from.starts_with("https://")) {
      return find_in_bytes(download(from, control), control);
    }
    if (std::filesystem::is_directory(from)) return find_in_folder(from, control);
    return find_in_bytes(read_file(from, kMaxDownload), control);
  } catch (Error& error) {
    throw error.within(from);
  }
}

}  // namespace sagittal::hub
