#include "nn/torch_file.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>

#include <fmt/format.h>

#include "base/error.h"
#include "base/zip.h"
#include "nn/pickle.h"

namespace sagittal::nn {
namespace {

using Kind = PickleValue::Kind;

constexpr std::size_t kMaxPickle = std::size_t{64} << 20;  // what follows it is larger
constexpr std::size_t kMaxRank = 8;
constexpr std::size_t kMaxTensors = 65536;
constexpr std::size_t kMaxNameLength = 500;

struct StorageType {
  std::string_view storage;  // what the pickle calls the storage's class
  std::string_view dtype;    // what it calls the element type beside an untyped storage
  DType type;
};
constexpr std::array kStorageTypes{
    StorageType{"torch FloatStorage", "torch float32", DType::f32},
    StorageType{"torch DoubleStorage", "torch float64", DType::f64},
    StorageType{"torch HalfStorage", "torch float16", DType::f16},
    StorageType{"torch BFloat16Storage", "torch bfloat16", DType::bf16},
    StorageType{"torch LongStorage", "torch int64", DType::i64},
    StorageType{"torch IntStorage", "torch int32", DType::i32},
    StorageType{"torch ShortStorage", "torch int16", DType::i16},
    StorageType{"torch CharStorage", "torch int8", DType::i8},
    StorageType{"torch ByteStorage", "torch uint8", DType::u8},
    StorageType{"torch BoolStorage", "torch bool", DType::boolean},
};
constexpr std::string_view kUntypedStorage = "torch.storage UntypedStorage";
constexpr std::string_view kTensorV2 = "torch._utils _rebuild_tensor_v2";
constexpr std::string_view kTensorV3 = "torch._utils _rebuild_tensor_v3";
constexpr std::string_view kParameter = "torch._utils _rebuild_parameter";

// Met in every trainer's checkpoint, around the weights; none is needed.
constexpr std::array<std::string_view, 17> kHarmlessNames{
    "collections OrderedDict",
    kTensorV2,
    kTensorV3,
    kParameter,
    kUntypedStorage,
    "torch device",
    "numpy.core.multiarray scalar",
    "numpy._core.multiarray scalar",
    "numpy.core.multiarray _reconstruct",
    "numpy._core.multiarray _reconstruct",
    "numpy dtype",
    "numpy ndarray",
    "_codecs encode",
    "__builtin__ set",
    "builtins set",
    "collections defaultdict",
    "torch Size",
};

[[noreturn]] void fail(std::string_view what, std::string_view problem) {
  throw Error(ErrorCode::bad_input, fmt::format("{}: {}", what, problem));
}

/// A plain identifier, fit for messages.
void check_name(std::string_view name, std::string_view what) {
  const bool printable = std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 127; });
  if (!printable || name.empty() || name.size() > kMaxNameLength) {
    fail(what, "a name in it is empty, too long or not plain text");
  }
}

std::string stripped(std::string_view name) {
  for (bool again = true; again;) {
    again = false;
    for (const std::string_view prefix : {"module.", "_orig_mod."}) {
      if (!name.starts_with(prefix)) continue;
      name.remove_prefix(prefix.size());
      again = true;
    }
  }
  return std::string(name);
}

std::int64_t integer_of(const PickleValue& value, std::string_view what) {
  if (!value.is(Kind::integer)) fail(what, "expected an integer in the description of a tensor");
  return value.integer;
}

std::vector<std::int64_t> extents_of(const PickleValue& value, std::string_view what) {
  if (!value.is(Kind::tuple) || value.items.size() > kMaxRank) {
    fail(what, fmt::format("expected a tuple of at most {} sizes or strides", kMaxRank));
  }
  std::vector<std::int64_t> extents;
  for (const PickleValue* item : value.items) {
    extents.push_back(integer_of(*item, what));
    if (extents.back() < 0) fail(what, fmt::format("a negative size or stride, {}", extents.back()));
  }
  return extents;
}

/// One tensor as the pickle describes it, in elements of its storage.
struct Layout {
  std::int64_t offset = 0;
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> strides;

  std::uint64_t element_count(std::string_view what) const {
    std::uint64_t count = 1;
    for (const std::int64_t extent : shape) count = checked_product(count, static_cast<std::uint64_t>(extent), what);
    return count;
  }
  bool contiguous() const {
    std::int64_t expected = 1;
    for (std::size_t axis = shape.size(); axis-- > 0;) {
      if (shape[axis] != 1 && strides[axis] != expected) return false;
      expected *= shape[axis];
    }
    return true;
  }
  /// One past the last element touched; the tensor is not empty.
  std::uint64_t end(std::string_view what) const {
    std::uint64_t last = static_cast<std::uint64_t>(offset);
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
      const auto step =
          checked_product(static_cast<std::uint64_t>(shape[axis] - 1), static_cast<std::uint64_t>(strides[axis]), what);
      if (step >= UINT64_MAX - last) fail(what, "a stride is too large");
      last += step;
    }
    return last + 1;
  }
};

/// Copies the elements in C order.
void gather(const Layout& layout, std::size_t item, const std::uint8_t* storage, std::uint8_t* out) {
  std::vector<std::int64_t> index(layout.shape.size(), 0);
  std::int64_t at = layout.offset;
  while (true) {
    std::memcpy(out, storage + static_cast<std::size_t>(at) * item, item);
    out += item;
    std::size_t axis = index.size();
    while (axis-- > 0) {
      at += layout.strides[axis];
      if (++index[axis] < layout.shape[axis]) break;
      at -= layout.strides[axis] * layout.shape[axis];
      index[axis] = 0;
    }
    if (axis == SIZE_MAX) return;
  }
}

/// The two parts of a saved file: the pickle that describes the tensors, and their storages.
class TorchParts {
 public:
  virtual ~TorchParts() = default;
  virtual const Pickle& pickle() const = 0;
  virtual ByteView storage(std::string_view key) const = 0;
};

/// A ZIP archive, as torch >= 1.6 saves it.
class TorchArchive final : public TorchParts {
 public:
  TorchArchive(ByteView bytes, std::string_view what)
      : archive_(bytes, what),
        prefix_(find_prefix(what)),
        pickle_(archive_.entry(prefix_ + "data.pkl"), fmt::format("{}: data.pkl", what)) {
    const auto order = archive_.entries().find(prefix_ + "byteorder");
    if (order != archive_.entries().end() && as_text(archive_.entry(order->first)) != "little") {
      throw Error(ErrorCode::unsupported,
                  fmt::format("{}: saved on a big-endian machine; save it again on another", what));
    }
  }
  const Pickle& pickle() const override { return pickle_; }
  ByteView storage(std::string_view key) const override {
    return archive_.entry(fmt::format("{}data/{}", prefix_, key));
  }

 private:
  std::string find_prefix(std::string_view what) const {
    constexpr std::string_view pickle_name = "/data.pkl";
    for (const auto& [name, entry] : archive_.entries()) {
      if (name.ends_with(pickle_name)) return name.substr(0, name.size() - pickle_name.size() + 1);
    }
    fail(what, "no data.pkl in the archive; expected a file saved by torch.save");
  }

  ZipArchive archive_;
  std::string prefix_;
  Pickle pickle_;
};

/// A row of pickles (magic number, version, machine, the data, the storages' keys) and then each storage: its number of
/// elements as 64 bits, and the elements. torch before 1.6.
class PickleRow final : public TorchParts {
 public:
  PickleRow(ByteView bytes, std::string_view what);
  const Pickle& pickle() const override { return *data_; }
  ByteView storage(std::string_view key) const override {
    const auto found = storages_.find(key);
    if (found == storages_.end()) fail(what_, "a tensor refers to a storage that is not there");
    return found->second;
  }

 private:
  std::map<std::string_view, std::size_t> element_sizes() const;

  std::string what_;
  std::unique_ptr<const Pickle> data_;
  std::map<std::string, ByteView, std::less<>> storages_;
};

PickleRow::PickleRow(ByteView bytes, std::string_view what) : what_(what) {
  constexpr std::string_view magic("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 15);
  constexpr std::int64_t version = 1001;
  if (!as_text(bytes).starts_with(magic)) fail(what, "neither an archive nor pickles of torch.save");
  ByteReader reader(bytes, what);
  reader.take(magic.size());
  const auto next = [&](const char* part) {
    const ByteView rest = bytes.subspan(reader.offset());
    auto pickle = std::make_unique<const Pickle>(rest.first(std::min(rest.size(), kMaxPickle)),
                                                 fmt::format("{}: {}", what, part));
    reader.take(pickle->size());
    return pickle;
  };
  if (const auto number = next("version"); !number->root().is(Kind::integer) || number->root().integer != version) {
    fail(what, "a version other than 1001");
  }
  const auto machine = next("machine");
  const PickleValue* little = machine->root().find("little_endian");
  if (little == nullptr || !little->is(Kind::boolean) || little->integer == 0) {
    throw Error(ErrorCode::unsupported,
                fmt::format("{}: saved on a big-endian machine; save it again on another", what));
  }
  data_ = next("data");
  const auto keys = next("keys");
  if (!keys->root().is(Kind::list)) fail(what, "no list of storages");
  const auto sizes = element_sizes();
  for (const PickleValue* key : keys->root().items) {
    const auto found = key->is(Kind::text) ? sizes.find(key->text) : sizes.end();
    if (found == sizes.end()) fail(what, "a storage that no tensor refers to");
    const auto elements = reader.read<std::uint64_t>();
    storages_.emplace(key->text, reader.take(checked_product(elements, found->second, what)));
  }
}

/// Of each storage that the data refers to, by key.
std::map<std::string_view, std::size_t> PickleRow::element_sizes() const {
  std::map<std::string_view, std::size_t> sizes;
  for (const PickleValue* reference : data_->persistent()) {
    const PickleValue& id = *reference->items[0];
    if (!id.is(Kind::tuple) || id.items.size() < 5 || !id.items[1]->is(Kind::global) || !id.items[2]->is(Kind::text)) {
      fail(what_, "a malformed reference to a storage");
    }
    const auto* type = std::find_if(kStorageTypes.begin(), kStorageTypes.end(),
                                    [&](const StorageType& row) { return row.storage == id.items[1]->text; });
    if (type == kStorageTypes.end()) {
      throw Error(ErrorCode::unsupported, fmt::format("{}: elements of \"{}\"", what_, id.items[1]->text));
    }
    if (id.items.size() > 5 && !id.items[5]->is(Kind::none)) {
      throw Error(ErrorCode::unsupported, fmt::format("{}: storages that are views of others", what_));
    }
    const auto [at, added] = sizes.emplace(id.items[2]->text, size_of(type->type));
    if (at->second != size_of(type->type)) fail(what_, "a storage of two types");
  }
  return sizes;
}

class TorchReader {
 public:
  TorchReader(const TorchParts& parts, std::size_t size, std::string_view what)
      : what_(what), parts_(parts), copy_budget_(size) {}

  TorchFile read();

 private:
  void read_weights(const PickleValue& weights, StateDict& out);
  TensorView read_tensor(const PickleValue& value, const std::string& where, StateDict& out);
  ByteView storage_of(const PickleValue& reference, const std::string& where, DType& type, bool typed) const;

  std::string what_;
  const TorchParts& parts_;
  std::uint64_t copy_budget_;
};

/// Checks the entry's size against the id and returns its bytes; sets `type` unless the storage is untyped.
ByteView TorchReader::storage_of(const PickleValue& reference, const std::string& where, DType& type,
                                 bool typed) const {
  if (!reference.is(Kind::persistent)) fail(where, "expected a reference to a storage");
  const PickleValue& id = *reference.items[0];
  if (!id.is(Kind::tuple) || id.items.size() < 5 || !id.items[0]->is(Kind::text) || id.items[0]->text != "storage" ||
      !id.items[1]->is(Kind::global) || !id.items[2]->is(Kind::text) || !id.items[4]->is(Kind::integer)) {
    fail(where, "a malformed reference to a storage");
  }
  const std::string_view storage_class = id.items[1]->text;
  std::size_t item = 1;
  if (typed || storage_class != kUntypedStorage) {
    const auto* found = std::find_if(kStorageTypes.begin(), kStorageTypes.end(),
                                     [&](const StorageType& row) { return row.storage == storage_class; });
    if (found == kStorageTypes.end()) {
      throw Error(ErrorCode::unsupported, fmt::format("{}: elements of \"{}\"", where, storage_class));
    }
    type = found->type;
    item = size_of(type);
  }
  const ByteView bytes = parts_.storage(id.items[2]->text);
  const auto declared = checked_product(static_cast<std::uint64_t>(id.items[4]->integer), item, where);
  if (id.items[4]->integer < 0 || declared != bytes.size()) {
    fail(where, fmt::format("its storage has {} bytes, expected {}", bytes.size(), declared));
  }
  return bytes;
}

TensorView TorchReader::read_tensor(const PickleValue& value, const std::string& where, StateDict& out) {
  const PickleValue* call = &value;
  while (call->is_call_of(kParameter) && !call->items[1]->items.empty()) call = call->items[1]->items[0];
  const bool untyped = call->is_call_of(kTensorV3);
  if (!untyped && !call->is_call_of(kTensorV2)) fail(where, "expected a tensor");
  const auto& arguments = call->items[1]->items;
  if (arguments.size() < (untyped ? 7U : 4U)) fail(where, "a tensor's description is too short");

  TensorView view;
  ByteView storage = storage_of(*arguments[0], where, view.dtype, !untyped);
  if (untyped) {
    const auto* found = std::find_if(kStorageTypes.begin(), kStorageTypes.end(),
                                     [&](const StorageType& row) { return arguments[6]->is_global(row.dtype); });
    if (found == kStorageTypes.end()) throw Error(ErrorCode::unsupported, where + ": an unknown element type");
    view.dtype = found->type;
  }
  const Layout layout{integer_of(*arguments[1], where), extents_of(*arguments[2], where),
                      extents_of(*arguments[3], where)};
  if (layout.offset < 0 || layout.shape.size() != layout.strides.size())
    fail(where, "offset, sizes and strides disagree");
  const std::size_t item = size_of(view.dtype);
  const std::uint64_t count = layout.element_count(where);
  view.shape = layout.shape;
  if (count == 0) return view;
  if (layout.end(where) > storage.size() / item) {
    fail(where, fmt::format("reaches to element {} of a storage of {}", layout.end(where), storage.size() / item));
  }
  if (layout.contiguous()) {
    view.bytes = storage.subspan(static_cast<std::size_t>(layout.offset) * item, count * item);
    return view;
  }
  const std::uint64_t size = checked_product(count, item, where);
  if (size > copy_budget_) fail(where, "tensors with strides hold more elements than the file");
  copy_budget_ -= size;
  const auto copy = std::make_shared<Bytes>(size);
  gather(layout, item, storage.data(), copy->data());
  out.owners.push_back(copy);
  view.bytes = *copy;
  return view;
}

void TorchReader::read_weights(const PickleValue& weights, StateDict& out) {
  if (weights.items.size() / 2 > kMaxTensors) fail(what_, fmt::format("more than {} tensors", kMaxTensors));
  for (std::size_t i = 0; i + 1 < weights.items.size(); i += 2) {
    if (!weights.items[i]->is(Kind::text)) fail(what_, "a tensor's name is no text");
    check_name(weights.items[i]->text, what_);
    const std::string name = stripped(weights.items[i]->text);
    TensorView view = read_tensor(*weights.items[i + 1], fmt::format("{}: {}", what_, name), out);
    if (!out.tensors.emplace(name, std::move(view)).second) fail(what_, fmt::format("two tensors are called {}", name));
  }
}

TorchFile TorchReader::read() {
  TorchFile file;
  const PickleValue& root = parts_.pickle().root();
  const PickleValue* weights = root.find("network_weights");
  if (weights == nullptr) weights = root.find("state_dict");
  if (weights == nullptr || !weights->is(Kind::dict)) {
    fail(what_, "no \"network_weights\" or \"state_dict\"; expected a checkpoint saved by nnU-Net's trainer");
  }
  read_weights(*weights, file.weights);
  const auto text = [&](const PickleValue* holder, const char* key) {
    const PickleValue* found = holder == nullptr ? nullptr : holder->find(key);
    if (found == nullptr || !found->is(Kind::text)) return std::string();
    check_name(found->text, what_);
    return std::string(found->text);
  };
  file.trainer_name = text(&root, "trainer_name");
  file.configuration = text(root.find("init_args"), "configuration");
  const PickleValue* axes = root.find("inference_allowed_mirroring_axes");
  if (axes != nullptr && (axes->is(Kind::tuple) || axes->is(Kind::list)) && axes->items.size() <= 3) {
    file.mirroring_axes.emplace();
    for (const PickleValue* axis : axes->items) {
      const std::int64_t number = integer_of(*axis, what_);
      if (number < 0 || number > 2) fail(what_, fmt::format("mirroring axis {}, expected 0 to 2", number));
      file.mirroring_axes->push_back(static_cast<int>(number));
    }
  }
  for (std::string name : parts_.pickle().global_names()) {
    const bool storage = std::any_of(kStorageTypes.begin(), kStorageTypes.end(),
                                     [&](const StorageType& row) { return row.storage == name || row.dtype == name; });
    if (storage || std::find(kHarmlessNames.begin(), kHarmlessNames.end(), name) != kHarmlessNames.end()) continue;
    std::replace_if(
        name.begin(), name.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
    std::replace(name.begin(), name.end(), ' ', '.');
    file.foreign_names.insert(name);
  }
  return file;
}

}  // namespace

TorchFile read_torch_bytes(ByteView bytes, std::shared_ptr<const void> owner, std::string_view what) {
  constexpr std::uint8_t pickle_start = 0x80;
  std::unique_ptr<const TorchParts> parts;
  if (!bytes.empty() && bytes[0] == pickle_start) {
    parts = std::make_unique<PickleRow>(bytes, what);
  } else {
    parts = std::make_unique<TorchArchive>(bytes, what);
  }
  TorchFile file = TorchReader(*parts, bytes.size(), what).read();
  file.weights.owners.push_back(std::move(owner));
  return file;
}

TorchFile read_torch_file(const std::filesystem::path& path) {
  const auto mapped = std::make_shared<const MappedFile>(path);
  TorchFile file = read_torch_bytes(mapped->bytes(), mapped, path.filename().string());
  file.weights.file = mapped;
  return file;
}

}  // namespace sagittal::nn
