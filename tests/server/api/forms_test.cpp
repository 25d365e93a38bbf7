#include "server/api/forms.h"

#include <gtest/gtest.h>

#include "expect_error.h"
#include "server/api/native_session.h"

namespace sagittal::server {
namespace {

TEST(Forms, BoundsAreTurnedToIndices) {
  EXPECT_EQ(bounds_json({{1, 2, 3}, {4, 5, 6}}), Json({{3, 6}, {2, 5}, {1, 4}}));
  EXPECT_EQ(bounds_json({}), Json({{0, 0}, {0, 0}, {0, 0}}));
}

TEST(Forms, NamesAreForPeople) {
  EXPECT_EQ(checked_name("Niere links \xc3\xbc"), "Niere links \xc3\xbc");
  for (const std::string& bad :
       {std::string(201, 'x'), std::string("a\nb"), std::string("\xff"), std::string(1, '\0')}) {
    EXPECT_ERROR(checked_name(bad), ErrorCode::bad_input);
  }
}

TEST(Forms, ColoursAreReadStrictly) {
  EXPECT_EQ(colour_text(parse_colour("#0aFF10")), "#0aff10");
  for (const char* bad : {"", "#", "#12345", "#1234567", "0123456", "#12 456", "#-12345", "#gg0000"}) {
    EXPECT_ERROR(parse_colour(bad), ErrorCode::bad_input);
  }
}

TEST(Forms, ASessionIsReadBackAsItWasWritten) {
  NativeSession session{.volume = "v", .name = "n", .series = "1.2", .frame = 3, .geometry = {.size = {3, 4, 5}}};
  session.segments.push_back({7, 2, "liver", {1, 2, 3}, "LIVER", 9});
  session.next_number = 8;
  EXPECT_EQ(to_json(parse_native_session(to_json(session))), to_json(session));
  EXPECT_EQ(session.free_slot(), 0);
  EXPECT_ERROR(parse_native_session(Json::object()), ErrorCode::bad_input);
}

}  // namespace
}  // namespace sagittal::server
