// Writes vectors.txt: messages as the OpenIGTLink library 3.1 packs them, a line each: name, header version,
// hexadecimal digits. Not part of the build: the library's source is github.com/openigtlink/OpenIGTLink (94244fe),
// built with OpenIGTLink_ENABLE_VIDEOSTREAMING=ON. See README.md here.
#include <igtlBindMessage.h>
#include <igtlCapabilityMessage.h>
#include <igtlColorTableMessage.h>
#include <igtlCommandMessage.h>
#include <igtlImageMessage.h>
#include <igtlImageMetaMessage.h>
#include <igtlLabelMetaMessage.h>
#include <igtlNDArrayMessage.h>
#include <igtlPointMessage.h>
#include <igtlPolyDataMessage.h>
#include <igtlPositionMessage.h>
#include <igtlQuaternionTrackingDataMessage.h>
#include <igtlSensorMessage.h>
#include <igtlStatusMessage.h>
#include <igtlStringMessage.h>
#include <igtlTrackingDataMessage.h>
#include <igtlTrajectoryMessage.h>
#include <igtlTransformMessage.h>
#include <igtlUnit.h>
#include <igtlVideoMessage.h>
#include <igtlVideoMetaMessage.h>
#include <igtl_unit.h>

#include <cstdio>
#include <cstring>

namespace {

void write(const char* name, igtl::MessageBase* message) {
  message->SetDeviceName("Device name");
  message->SetTimeStamp(1'700'000'000, 0x40000000);
  message->Pack();
  std::printf("%s %d ", name, message->GetHeaderVersion());
  const auto* bytes = static_cast<const unsigned char*>(message->GetBufferPointer());
  for (int n = 0; n < static_cast<int>(message->GetBufferSize()); ++n) std::printf("%02x", bytes[n]);
  std::printf("\n");
}

template <class Message>
typename Message::Pointer make(int version) {
  auto message = Message::New();
  message->SetHeaderVersion(static_cast<unsigned short>(version));
  if (version > 1) {
    message->SetMessageID(77);
    message->SetMetaDataElement("key", IANA_TYPE_US_ASCII, "value");
    message->SetMetaDataElement("\xC3\xA4", IANA_TYPE_UTF_8, "\xC3\xB6\xC3\xBC");
  }
  return message;
}

void fill(igtl::Matrix4x4& matrix) {
  igtl::IdentityMatrix(matrix);
  for (int row = 0; row < 3; ++row) {
    for (int column = 0; column < 4; ++column) matrix[row][column] = static_cast<float>(row + 10 * column) + 0.5F;
  }
}

void write_all(int version) {
  igtl::Matrix4x4 matrix;
  fill(matrix);

  auto transform = make<igtl::TransformMessage>(version);
  transform->SetMatrix(matrix);
  write("TRANSFORM", transform);

  auto position = make<igtl::PositionMessage>(version);
  position->SetPosition(1.5F, -2, 3);
  position->SetQuaternion(0.5F, 0.5F, -0.5F, 0.5F);
  write("POSITION", position);

  auto image = make<igtl::ImageMessage>(version);
  image->SetDimensions(4, 3, 2);
  image->SetSpacing(0.5F, 2, 3);
  image->SetScalarType(igtl::ImageMessage::TYPE_INT16);
  image->SetEndian(igtl::ImageMessage::ENDIAN_LITTLE);
  image->SetSubVolume(2, 3, 1, 1, 0, 1);
  image->AllocateScalars();
  igtl::Matrix4x4 place = {{0, -1, 0, 10}, {1, 0, 0, 20}, {0, 0, 1, 30}, {0, 0, 0, 1}};
  image->SetMatrix(place);
  for (int n = 0; n < 6; ++n) {
    const short value = static_cast<short>(n * 1000 - 2500);
    std::memcpy(static_cast<char*>(image->GetScalarPointer()) + 2 * n, &value, 2);
  }
  write("IMAGE", image);

  auto text = make<igtl::StringMessage>(version);
  text->SetEncoding(106);
  text->SetString("gr\xC3\xBC\xC3\x9F Gott");
  write("STRING", text);

  auto status = make<igtl::StatusMessage>(version);
  status->SetCode(igtl::StatusMessage::STATUS_BUSY);
  status->SetSubCode(-5);
  status->SetErrorName("name");
  status->SetStatusString("in words");
  write("STATUS", status);

  auto capability = make<igtl::CapabilityMessage>(version);
  capability->SetTypes({"IMAGE", "GET_IMAGE", "TRANSFORM"});
  write("CAPABILITY", capability);

  auto points = make<igtl::PointMessage>(version);
  auto point = igtl::PointElement::New();
  point->SetName("tip");
  point->SetGroupName("group");
  point->SetRGBA(1, 2, 3, 4);
  point->SetPosition(5, 6, 7);
  point->SetRadius(8);
  point->SetOwner("owner");
  points->AddPointElement(point);
  points->AddPointElement(point);
  write("POINT", points);

  auto trajectories = make<igtl::TrajectoryMessage>(version);
  auto trajectory = igtl::TrajectoryElement::New();
  trajectory->SetName("way");
  trajectory->SetGroupName("group");
  trajectory->SetType(igtl::TrajectoryElement::TYPE_ENTRY_TARGET);
  trajectory->SetRGBA(1, 2, 3, 4);
  trajectory->SetEntryPosition(5, 6, 7);
  trajectory->SetTargetPosition(8, 9, 10);
  trajectory->SetRadius(11);
  trajectory->SetOwner("owner");
  trajectories->AddTrajectoryElement(trajectory);
  write("TRAJ", trajectories);

  auto tracking = make<igtl::TrackingDataMessage>(version);
  auto tool = igtl::TrackingDataElement::New();
  tool->SetName("probe");
  tool->SetType(igtl::TrackingDataElement::TYPE_5D);
  tool->SetMatrix(matrix);
  tracking->AddTrackingDataElement(tool);
  write("TDATA", tracking);

  auto quaternions = make<igtl::QuaternionTrackingDataMessage>(version);
  auto turned = igtl::QuaternionTrackingDataElement::New();
  turned->SetName("probe");
  turned->SetType(igtl::QuaternionTrackingDataElement::TYPE_3D);
  turned->SetPosition(1, 2, 3);
  turned->SetQuaternion(0.5F, 0.5F, -0.5F, 0.5F);
  quaternions->AddQuaternionTrackingDataElement(turned);
  write("QTDATA", quaternions);

  auto images = make<igtl::ImageMetaMessage>(version);
  auto entry = igtl::ImageMetaElement::New();
  entry->SetName("a scan");
  entry->SetDeviceName("scan");
  entry->SetModality("CT");
  entry->SetPatientName("nobody");
  entry->SetPatientID("4711");
  entry->SetSize(512, 511, 40);
  entry->SetScalarType(igtl::ImageMessage::TYPE_UINT8);
  images->AddImageMetaElement(entry);
  write("IMGMETA", images);

  auto labels = make<igtl::LabelMetaMessage>(version);
  auto label = igtl::LabelMetaElement::New();
  label->SetName("liver");
  label->SetDeviceName("labels");
  label->SetLabel(5);
  label->SetRGBA(1, 2, 3, 4);
  label->SetSize(10, 20, 30);
  label->SetOwner("scan");
  labels->AddLabelMetaElement(label);
  write("LBMETA", labels);

  auto array = make<igtl::NDArrayMessage>(version);
  auto* numbers = new igtl::Array<igtl_float32>();
  numbers->SetSize({2, 3});
  float values[6] = {0, 0.5F, 1, 1.5F, 2, 2.5F};
  numbers->SetArray(values);
  array->SetArray(igtl::NDArrayMessage::TYPE_FLOAT32, numbers);
  write("NDARRAY", array);

  auto sensor = make<igtl::SensorMessage>(version);
  auto unit = igtl::Unit::New();
  unit->Append(IGTL_UNIT_SI_BASE_METER, 1);
  sensor->SetLength(3);
  sensor->SetUnit(unit->Pack());
  for (unsigned n = 0; n < 3; ++n) sensor->SetValue(n, 0.25 * n);
  write("SENSOR", sensor);

  auto colours = make<igtl::ColorTableMessage>(version);
  colours->SetIndexTypeToUint8();
  colours->SetMapTypeToUint16();
  colours->AllocateTable();
  for (int n = 0; n < 256; ++n)
    static_cast<igtl_uint16*>(colours->GetTablePointer())[n] = static_cast<igtl_uint16>(n * 3);
  write("COLORT", colours);

  auto surface = make<igtl::PolyDataMessage>(version);
  auto corners = igtl::PolyDataPointArray::New();
  for (int n = 0; n < 4; ++n) corners->AddPoint(static_cast<float>(n), 2 * static_cast<float>(n), 0.5F);
  auto faces = igtl::PolyDataCellArray::New();
  igtlUint32 face[4] = {0, 1, 2, 3};
  faces->AddCell(3, face);
  faces->AddCell(4, face);
  auto lines = igtl::PolyDataCellArray::New();
  lines->AddCell(2, face);
  auto heat = igtl::PolyDataAttribute::New();
  heat->SetType(igtl::PolyDataAttribute::POINT_SCALAR, 1);
  heat->SetName("heat");
  heat->SetSize(4);
  float heats[4] = {0, 0.25F, 0.5F, 1};
  heat->SetData(heats);
  surface->SetPoints(corners);
  surface->SetPolygons(faces);
  surface->SetLines(lines);
  surface->AddAttribute(heat);
  write("POLYDATA", surface);

  auto bind = make<igtl::BindMessage>(version);
  auto word = igtl::StringMessage::New();
  word->SetDeviceName("first");
  word->SetString("odd");
  word->Pack();
  auto pose = igtl::TransformMessage::New();
  pose->SetDeviceName("second");
  pose->SetMatrix(matrix);
  pose->Pack();
  bind->Init();
  bind->AppendChildMessage(word);
  bind->AppendChildMessage(pose);
  if (version == 1) write("BIND", bind);  // the library binds bodies of version 1 only

  auto video = make<igtl::VideoMessage>(version);
  video->SetEndian(IGTL_VIDEO_ENDIAN_LITTLE);
  video->SetWidth(4);
  video->SetHeight(2);
  video->SetFrameType(2 << 8);
  video->SetCodecType(IGTL_VIDEO_CODEC_NAME_I420);
  video->SetBitStreamSize(12);
  video->AllocateScalars();
  for (int n = 0; n < 12; ++n) video->GetPackFragmentPointer(2)[n] = static_cast<unsigned char>(n);
  write("VIDEO", video);

  auto videos = make<igtl::VideoMetaMessage>(version);
  auto camera = igtl::VideoMetaElement::New();
  camera->SetName("camera");
  camera->SetDeviceName("endoscope");
  camera->SetPatientName("nobody");
  camera->SetPatientID("4711");
  camera->SetZoomLevel(-2);
  camera->SetFocalLength(35.5);
  camera->SetSize(640, 480, 1);
  camera->SetMatrix(matrix);
  camera->SetScalarType(igtl::ImageMessage::TYPE_UINT8);
  videos->AddVideoMetaElement(camera);
  write("VIDEOMETA", videos);

  if (version > 1) {
    auto command = make<igtl::CommandMessage>(version);
    command->SetCommandId(9);
    command->SetCommandName("Start");
    command->SetCommandContent("<Command/>");
    write("COMMAND", command);
  }
}

}  // namespace

int main() {
  std::setvbuf(stdout, nullptr, _IONBF, 0);
  write_all(1);
  write_all(2);
}
