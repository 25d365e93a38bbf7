#include <cmath>
#include <limits>
#include <optional>

#include <fmt/format.h>

#include "stream/operators/operators.h"
#include "stream/recording.h"
#include "stream/values.h"

namespace sagittal::stream {
namespace {

constexpr std::int64_t kMost = std::int64_t{1} << 53;

RecordedStorage storage_from(const std::string& name) {
  if (name == "pinned") return RecordedStorage::pinned;
  return name == "device" ? RecordedStorage::device : RecordedStorage::system;
}

RecordedTensor tensor_of(const Frame& frame, const std::string& name) {
  const Index3& size = frame.geometry.size;
  RecordedTensor tensor{name, frame.type, {size[1], size[0], frame.components}, frame.pixels};
  if (size[2] != 1) tensor.shape.insert(tensor.shape.begin(), size[2]);
  return tensor;
}

/// Rows and columns, perhaps slices before and up to four components after them.
bool looks_like_a_frame(const RecordedTensor& tensor) {
  const std::size_t rank = tensor.shape.size();
  return rank == 2 || ((rank == 3 || rank == 4) && tensor.shape.back() <= 4);
}

Frame frame_of(const RecordedTensor& tensor, const RecordedNote& note) {
  const std::size_t rank = tensor.shape.size();
  if (rank < 2 || rank > 4) {
    throw Error(ErrorCode::bad_input, fmt::format("tensor \"{}\" has {} axes, a frame 2 to 4", tensor.name, rank));
  }
  Frame frame;
  frame.geometry = note.geometry;
  const std::size_t rows = rank == 4 ? 1 : 0;
  const std::int64_t components = rank == 2 ? 1 : tensor.shape.back();
  if (components > kMaxComponents) {
    throw Error(ErrorCode::bad_input, fmt::format("tensor \"{}\" has {} components, a frame at most {}", tensor.name,
                                                  components, kMaxComponents));
  }
  frame.geometry.size = {tensor.shape[rows + 1], tensor.shape[rows], rank == 4 ? tensor.shape[0] : 1};
  frame.components = static_cast<int>(components);
  frame.type = tensor.type;
  frame.pixels = tensor.data;
  check_frame(frame);
  return frame;
}

class Recorder final : public Operator {
 public:
  void setup(Setup& setup) override {
    setup.input(in_, "in");
    setup.parameter(directory_, "directory", "folder of the recording, made where there is none").path();
    setup.parameter(basename_, "basename", "name of its files, without their ends").fixed();
    setup.parameter(tensor_name_, "tensor_name", "what Holoscan's operators find the frame by").fixed();
    setup.parameter(storage_, "storage", "where GPU applications put the numbers when they replay")
        .one_of({"system", "pinned", "device"})
        .fixed();
    setup.parameter(notes_, "notes", "keeps device, time, metadata and geometry in a third file").fixed();
    setup.parameter(overwrite_, "overwrite", "a recording of this name is replaced").fixed();
    setup.parameter(most_, "most", "ends after so many messages; 0: goes on").between(0, kMost).fixed();
  }
  void start() override {
    writer_.emplace(RecordingPlace{*directory_, *basename_},
                    RecordingWriter::Options{storage_from(*storage_), *notes_, *overwrite_});
  }
  void stop() override { writer_.reset(); }
  void compute() override {
    while (const auto message = in_.try_take()) {
      record(*message);
      if (messages_ == static_cast<std::uint64_t>(*most_)) return context().finish();
    }
  }
  Json counters() const override { return {{"messages", messages_}, {"bytes", bytes_}}; }

 private:
  void record(const Message& message) {
    const Envelope& from = message.envelope;
    RecordedNote note{true, from.device, from.acquired, from.sequence, from.metadata, {}};
    RecordedTensor tensor;
    if (const Frame* frame = value_in<Frame>(message)) {
      note.geometry = frame->geometry;
      tensor = tensor_of(*frame, *tensor_name_);
    } else if (const Tensor* numbers = value_in<Tensor>(message)) {
      note.frame = false;
      note.geometry = numbers->geometry;
      tensor = {numbers->name, ScalarType::f32, numbers->shape, numbers->values};
    } else {
      throw Error(ErrorCode::bad_input,
                  fmt::format("records frames and tensors, not a {}", std::string(message.type.name)));
    }
    writer_->add({&tensor, 1}, context().utc_now(), note);
    messages_ = writer_->messages();
    bytes_ = writer_->bytes();
  }

  Input<Any> in_;
  Parameter<std::string> directory_{"."}, basename_{"recording"}, tensor_name_, storage_{"system"};
  Parameter<bool> notes_{true}, overwrite_{false};
  Parameter<std::int64_t> most_{0};
  std::optional<RecordingWriter> writer_;
  std::uint64_t messages_ = 0, bytes_ = 0;
};

/// The moments of a recording, from its first message, whose time is 0. Later times saturate.
class Schedule {
 public:
  /// `frame_rate` 0: as it was recorded, `speed` times as fast.
  Schedule(const RecordingReader& reader, double frame_rate, double speed)
      : reader_(reader), frame_rate_(frame_rate), speed_(speed) {
    first_ = logged(0);
    const std::uint64_t count = reader.size();
    const UtcTime whole = std::max<UtcTime>(logged(count - 1) - first_, 0);
    // Played again, its first message follows its last as the others do each other.
    round_ = count > 1 ? static_cast<double>(whole) * static_cast<double>(count) / static_cast<double>(count - 1) : 0;
  }

  /// Of message `n` in round `round`, the `played`-th of all.
  SteadyTime of(std::uint64_t n, std::uint64_t round, std::uint64_t played) const {
    if (frame_rate_ > 0) return saturated(static_cast<double>(played) * 1e9 / frame_rate_ / speed_);
    const auto at = static_cast<double>(std::max<UtcTime>(logged(n) - first_, 0));
    return saturated((at + static_cast<double>(round) * round_) / speed_);
  }

 private:
  /// A message without a time cannot be read either: it is tried at once and counted.
  UtcTime logged(std::uint64_t n) const {
    try {
      return reader_.logged(n);
    } catch (const Error&) {
      return first_;
    }
  }
  static SteadyTime saturated(double time) {
    return time < 4e18 ? static_cast<SteadyTime>(time) : std::numeric_limits<SteadyTime>::max();
  }
  const RecordingReader& reader_;
  const double frame_rate_, speed_;
  UtcTime first_ = 0;
  double round_ = 0;
};

class Replayer final : public Operator {
 public:
  void setup(Setup& setup) override {
    setup.output(frame_, "frame");
    setup.output(tensor_, "tensor");
    setup.parameter(directory_, "directory", "folder of the recording").path();
    setup.parameter(basename_, "basename", "name of its files, without their ends").fixed();
    setup.parameter(batch_, "batch_size", "messages sent at a time").between(1, 256);
    setup.parameter(ignore_, "ignore_corrupted_entities", "counts what cannot be read and goes on");
    setup.parameter(rate_, "frame_rate", "messages each second; 0: as they were recorded").between(0, 1e6).at_start();
    setup.parameter(speed_, "speed", "2: twice as fast").between(0.01, 100).at_start();
    setup.parameter(realtime_, "realtime", "keeps to the time; otherwise as fast as they are taken").at_start();
    setup.parameter(repeat_, "repeat", "begins again at the end");
    setup.parameter(count_, "count", "ends after so many messages; 0: all").between(0, kMost);
    setup.parameter(times_, "times", "when a message was taken: now, or as recorded").one_of({"now", "recorded"});
  }
  void start() override {
    reader_.emplace(RecordingPlace{*directory_, *basename_});
    if (reader_->size() == 0) {
      throw Error(ErrorCode::bad_input, fmt::format("the recording \"{}\" in {} is empty", *basename_, *directory_));
    }
    schedule_.emplace(*reader_, *rate_, *speed_);
  }
  void stop() override {
    schedule_.reset();
    reader_.reset();
  }
  void compute() override {
    if (played_ == 0 && tried_ == 0) began_ = context().now();
    for (std::int64_t n = 0; n < *batch_; ++n) {
      play(next_++);
      if (over()) return context().finish();
    }
    if (*realtime_) wait_for_next();
  }
  Json counters() const override {
    return {{"played", played_}, {"corrupted", corrupted_}, {"parts_left_out", left_out_}, {"rounds", round_}};
  }

 private:
  /// Goes back to the first message where it repeats.
  bool over() {
    if (*count_ > 0 && played_ >= static_cast<std::uint64_t>(*count_)) return true;
    if (next_ < reader_->size()) return false;
    if (!*repeat_ || played_in_round_ == 0) return true;  // where nothing can be read, it would go round for ever
    next_ = 0;
    played_in_round_ = 0;
    ++round_;
    return false;
  }
  void wait_for_next() {
    const SteadyTime after = schedule_->of(next_, round_, played_);
    context().not_before(after < std::numeric_limits<SteadyTime>::max() - began_
                             ? began_ + after
                             : std::numeric_limits<SteadyTime>::max());
  }

  void play(std::uint64_t n) {
    ++tried_;
    try {
      const RecordedMessage message = reader_->read(n, context().frames());
      left_out_ += message.left_out;
      send(message);
    } catch (const Error& error) {
      if (!*ignore_ || (error.code() != ErrorCode::bad_input && error.code() != ErrorCode::too_large)) throw;
      if (corrupted_++ == 0) context().log(LogLevel::warning, error.what());
      return;
    }
    ++played_;
    ++played_in_round_;
  }

  void send(const RecordedMessage& message) {
    const RecordedNote note = message.note.value_or(RecordedNote{});
    for (const RecordedTensor& tensor : message.tensors) {
      const bool as_frame = message.note ? note.frame : looks_like_a_frame(tensor);
      Envelope envelope{note.device, acquired(message, note), note.sequence, note.metadata};
      if (envelope.device.empty()) envelope.device = tensor.name.empty() ? context().name() : tensor.name;
      if (envelope.sequence == 0) envelope.sequence = played_ + 1;
      if (as_frame) {
        frame_.send(frame_of(tensor, note), std::move(envelope));
      } else if (tensor.type == ScalarType::f32) {
        tensor_.send(Tensor{tensor.name, tensor.shape, tensor.data, note.geometry}, std::move(envelope));
      } else {
        throw Error(ErrorCode::bad_input, fmt::format("tensor \"{}\" is {} of {} axes, neither a frame nor float32",
                                                      tensor.name, name_of(tensor.type), tensor.shape.size()));
      }
    }
  }
  UtcTime acquired(const RecordedMessage& message, const RecordedNote& note) const {
    if (*times_ == "now") return context().utc_now();
    if (note.acquired != 0) return note.acquired;
    return message.acquired != 0 ? message.acquired : message.logged;
  }

  Output<Frame> frame_;
  Output<Tensor> tensor_;
  Parameter<std::string> directory_{"."}, basename_{"recording"}, times_{"now"};
  Parameter<std::int64_t> batch_{1}, count_{0};
  Parameter<bool> ignore_{true}, realtime_{true}, repeat_{false};
  Parameter<double> rate_{0}, speed_{1};
  std::optional<RecordingReader> reader_;
  std::optional<Schedule> schedule_;
  SteadyTime began_ = 0;
  std::uint64_t next_ = 0, round_ = 0, tried_ = 0, played_ = 0, played_in_round_ = 0, corrupted_ = 0, left_out_ = 0;
};

}  // namespace

void add_recording_operators(OperatorRegistry& registry) {
  registry.add<Recorder>("recorder", "Writes frames and tensors as a recording that Holoscan replays too.");
  registry.add<Replayer>("replayer", "Plays a recording of this program or of Holoscan.");
}

}  // namespace sagittal::stream
