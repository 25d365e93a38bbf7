#pragma once
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <span>
#include <string>

namespace sagittal::nn::cpu {

/// One of several ways to compute the same.
struct Way {
  std::string name;
  std::function<double()> measure;  ///< seconds that it takes
};

/// Where the answers of this user's programs are kept: in $CACHE_DIRECTORY (systemd's), $XDG_CACHE_HOME/sagittal or
/// $HOME/.cache/sagittal; empty where none is known.
std::filesystem::path tuning_file();

/// Which way is the fastest on this machine, measured once for each question and remembered: in a file where one is
/// given, so that every process of this machine answers alike. Any thread may ask; one measures at a time, of all
/// processes with the same file.
class Tuning {
 public:
  /// A file that cannot be read, is not one of ours or is of another machine is begun anew; one that cannot be written
  /// leaves the answers to this process.
  explicit Tuning(std::filesystem::path file = {});

  /// The index of the way. With one way nothing is measured.
  std::size_t choose(const std::string& question, std::span<const Way> ways);

 private:
  void load();
  void save() const;

  std::filesystem::path file_;
  std::mutex mutex_;
  std::map<std::string, std::string> answers_;
};

}  // namespace sagittal::nn::cpu
