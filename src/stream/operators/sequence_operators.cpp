#include <algorithm>
#include <cstring>
#include <map>
#include <optional>

#include <fmt/format.h>

#include "io/sequence.h"
#include "io/sequence_writer.h"
#include "stream/operators/operators.h"
#include "stream/operators/place.h"

namespace sagittal::stream {
namespace {

class SequenceFile final : public Operator {
  void setup(Setup& setup) override {
    setup.output(frame_, "frame");
    setup.output(transform_, "transform");
    setup.parameter(file_, "file", "a recording as Plus writes it: .igs.mha, .mha, .nrrd").path();
    setup.parameter(device_, "device", "name of the frames").at_start();
    setup.parameter(frame_rate_, "frame_rate", "frames a second; 0: as recorded").between(0, 10'000).at_start();
    setup.parameter(speed_, "speed", "2: twice as fast as it was recorded").between(0.01, 100).at_start();
    setup.parameter(realtime_, "realtime", "as it was recorded; else as fast as frames are taken").at_start();
    setup.parameter(repeat_, "repeat", "begins again after the last frame");
    setup.parameter(place_, "transform", "that places the frames, as ImageToReference; empty: none does").at_start();
    setup.parameter(calibration_, "calibration", "{ImageToProbe: [16 numbers]}, as in a device set of Plus").fixed();
    setup.parameter(without_, "without_pose", "what becomes of frames without that transform")
        .one_of({"drop", "pass"})
        .fixed();
  }
  void start() override {
    reader_.emplace(std::filesystem::path(*file_));
    name_.reset();
    if (!place_->empty()) name_ = parse_transform_name(*place_);
    TransformRepository check;
    add_calibration(check, *calibration_);
    at_ = 0, sent_ = 0, round_ns_ = 0, dropped_ = 0;
    first_s_ = time_of(0);
  }
  void stop() override { reader_.reset(); }
  void compute() override {
    if (sent_ == 0) begin_ = context().now(), begin_utc_ = context().utc_now();
    if (!reader_->next(read_)) throw Error(ErrorCode::bad_input, fmt::format("{} ends too early", *file_));
    send();
    ++at_;
    if (at_ == reader_->header().frames) {
      if (!*repeat_) return context().finish();
      round_ns_ = next_ns();
      at_ = 0;
      reader_->rewind();
    }
    if (*realtime_) context().not_before(begin_ + offset_ns(at_));
  }
  Json counters() const override {
    return {{"frames", sent_}, {"of", reader_ ? reader_->header().frames : 0}, {"without_pose", dropped_}};
  }

  /// Seconds of the recording's clock; by the frame rate where it has none.
  double time_of(std::int64_t frame) const {
    if (*frame_rate_ > 0) return static_cast<double>(frame) / *frame_rate_;
    const auto text = io::field_of(reader_->fields(frame), "Timestamp");
    const auto time = text ? parse_seconds(*text) : std::nullopt;
    return time.value_or(static_cast<double>(frame) / kUsualRate);
  }
  static std::optional<double> parse_seconds(std::string_view text) {
    io::SequenceFrame frame;
    frame.fields = {{"Timestamp", std::string(text)}};
    return frame.timestamp_s();
  }
  std::int64_t offset_ns(std::int64_t frame) const {
    const double since = std::clamp(time_of(frame) - first_s_, 0.0, kLongest_s);
    return round_ns_ + static_cast<std::int64_t>(since / *speed_ * 1e9);
  }
  /// When the next round begins: one frame after the last.
  std::int64_t next_ns() const {
    const std::int64_t last = reader_->header().frames - 1;
    const std::int64_t step =
        last > 0 ? (offset_ns(last) - offset_ns(0)) / last : static_cast<std::int64_t>(1e9 / kUsualRate);
    return offset_ns(last) + std::max<std::int64_t>(step, 1'000'000);
  }

  void send() {
    Envelope envelope{*device_, begin_utc_ + offset_ns(at_), ++sent_};
    if (const auto time = io::field_of(read_.fields, "Timestamp"))
      envelope.metadata.set("Timestamp", std::string(*time));
    TransformRepository known;
    add_calibration(known, *calibration_);
    for (const std::string& name : io::transform_names(read_.fields)) {
      const auto recorded = io::transform_of(read_.fields, name);
      if (!recorded) continue;
      const Affine affine = flip_coordinates(recorded->affine);
      if (name_) known.set(parse_transform_name(name), affine, recorded->valid);
      Envelope own{name, envelope.acquired, envelope.sequence};
      transform_.send(transform_of(name, affine, recorded->valid), std::move(own));
    }
    if (!frame_.connected()) return;
    Frame frame = picture();
    if (name_) {
      const auto pose = known.knows(*name_) ? known.get(*name_) : TransformRepository::Entry{{}, false};
      if (!pose.valid) ++dropped_;
      if (!pose.valid && *without_ == "drop") return;
      if (pose.valid) frame.geometry = placed(frame.geometry, pose.affine);
      envelope.metadata.set(*place_ + "Status", pose.valid ? "OK" : "INVALID");
    }
    frame_.send(std::move(frame), std::move(envelope));
  }

  Frame picture() {
    const io::SequenceHeader& header = reader_->header();
    Frame frame{{.size = {header.width, header.height, 1}}, static_cast<int>(header.channels), header.type, {}};
    FreshBytes fresh = context().frames().take(read_.pixels.size());
    std::memcpy(fresh.span().data(), read_.pixels.data(), read_.pixels.size());
    frame.pixels = std::move(fresh).share();
    check_frame(frame);
    return frame;
  }

  static constexpr double kUsualRate = 30, kLongest_s = 1e7;
  Output<Frame> frame_;
  Output<Transform> transform_;
  Parameter<std::string> file_, device_{"Image"}, place_, without_{"pass"};
  Parameter<double> frame_rate_{0}, speed_{1};
  Parameter<bool> realtime_{true}, repeat_{false};
  Parameter<Json> calibration_;
  std::optional<io::SequenceReader> reader_;
  io::SequenceFrame read_;
  std::optional<TransformName> name_;
  std::int64_t at_ = 0, round_ns_ = 0;
  std::uint64_t sent_ = 0, dropped_ = 0;
  double first_s_ = 0;
  SteadyTime begin_ = 0;
  UtcTime begin_utc_ = 0;
};

class SequenceWriterOperator final : public Operator {
  void setup(Setup& setup) override {
    setup.input(frame_, "frame").queue({.capacity = 16});
    setup.input(transform_, "transform").optional().queue({.capacity = 64});
    setup.any_of({&frame_, &transform_});
    setup.parameter(file_, "file", "a .mha that is written when the pipeline ends").path();
    setup.parameter(compressed_, "compressed", "smaller, and slower").at_start();
    setup.parameter(place_, "transform", "name of the frames' place, as ImageToReference; empty: not written")
        .at_start();
    setup.parameter(one_device_, "one_device", "only frames of the name that came first").at_start();
    setup.parameter(most_, "most", "ends after so many frames; 0: goes on").between(0, kMostFrames).fixed();
  }
  void start() override {
    writer_.reset(), latest_.clear(), written_ = 0, left_out_ = 0, first_ = 0;
    if (file_->empty()) throw Error(ErrorCode::bad_input, "\"file\" is empty");
    if (!place_->empty()) parse_transform_name(*place_);
  }
  void stop() override {
    if (writer_) writer_->finish();
    writer_.reset();
  }
  void compute() override {
    while (auto transform = transform_.try_take()) {
      if (latest_.size() < kMostTransforms || latest_.contains((*transform)->name)) {
        latest_[(*transform)->name] = **transform;
      }
    }
    while (auto frame = frame_.try_take()) {
      if (!writer_) name_ = frame->envelope.device;
      if (*one_device_ && frame->envelope.device != name_) {
        ++left_out_;
        continue;
      }
      write(**frame, frame->envelope);
      if (written_ == static_cast<std::uint64_t>(*most_)) return context().finish();
    }
  }
  Json counters() const override { return {{"frames", written_}, {"device", name_}, {"left_out", left_out_}}; }

  void write(const Frame& frame, const Envelope& envelope) {
    if (frame.geometry.size[2] != 1)
      throw Error(ErrorCode::unsupported, "a recording holds pictures, this is a volume");
    if (!writer_) {
      io::SequenceHeader header;
      header.width = frame.width(), header.height = frame.height();
      header.channels = frame.components, header.type = frame.type;
      writer_.emplace(std::filesystem::path(*file_), header, *compressed_);
      first_ = envelope.acquired;
    }
    io::SequenceFields fields{
        {"Timestamp", fmt::format("{:.6f}", static_cast<double>(envelope.acquired - first_) / 1e9)}};
    for (const auto& [name, transform] : latest_) {
      if (name != *place_) {
        io::set_transform(fields, name, {flip_coordinates(affine_of(transform)), transform.valid});
      }
    }
    if (!place_->empty()) {
      io::set_transform(fields, *place_, {flip_coordinates(image_to_world(frame.geometry)), true});
    }
    const ByteView pixels = frame.pixels.view();
    writer_->append(std::as_bytes(pixels), fields);
    ++written_;
  }

  static constexpr std::size_t kMostTransforms = 64;
  static constexpr std::int64_t kMostFrames = 1 << 20;
  Input<Frame> frame_;
  Input<Transform> transform_;
  Parameter<std::string> file_, place_;
  Parameter<bool> compressed_{true}, one_device_{false};
  Parameter<std::int64_t> most_{0};
  std::optional<io::SequenceWriter> writer_;
  std::map<std::string, Transform> latest_;
  std::string name_;  // of the frames
  std::uint64_t written_ = 0, left_out_ = 0;
  UtcTime first_ = 0;
};

}  // namespace

void add_sequence_operators(OperatorRegistry& registry) {
  registry.add<SequenceFile>("sequence_file", "Plays a recording of tracked frames, as Plus writes them.");
  registry.add<SequenceWriterOperator>("sequence_writer", "Records tracked frames as Plus does.");
}

}  // namespace sagittal::stream
