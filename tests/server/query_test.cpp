#include "server/http/query.h"

#include <gmock/gmock.h>

#include "expect_error.h"

namespace sagittal::server::http {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Query, RepeatedFieldsKeepTheirOrder) {
  const Query query("point=3&foreground=true&point=1&point=2");
  EXPECT_THAT(query.all("point"), ElementsAre("3", "1", "2"));
  EXPECT_EQ(query.one("foreground"), "true");
  EXPECT_THAT(query.all("poin"), IsEmpty());
}

TEST(Query, EscapesAndPlusesAreDecodedAfterTheSplit) {
  const Query query("a%26b=c%3Dd%2B+e&filename=upload.nii.gz");
  EXPECT_EQ(query.one("a&b"), "c=d+ e");
  EXPECT_EQ(query.one("filename"), "upload.nii.gz");
}

TEST(Query, FieldsMayBeEmptyOrLackTheirValue) {
  const Query query("&&a&b=&=c&a==");
  EXPECT_THAT(query.all("a"), ElementsAre("", "="));
  EXPECT_EQ(query.one("b"), "");
  EXPECT_EQ(query.one(""), "c");
  EXPECT_FALSE(Query("").has(""));
}

TEST(Query, OneIsNeitherNoneNorSeveral) {
  const Query query("x=1&x=2");
  EXPECT_ERROR(query.one("x"), ErrorCode::bad_input);
  EXPECT_ERROR(query.one("y"), ErrorCode::bad_input);
}

TEST(Query, ForgedQueriesAreRefused) {
  for (const char* text : {"%", "a=%2", "a=%zz", "a=%00", "%0a=1"}) EXPECT_ERROR(Query{text}, ErrorCode::bad_input);
  std::string many;
  for (int n = 0; n < 64; ++n) many += "a=1&";
  EXPECT_EQ(Query(many).all("a").size(), 64u);
  EXPECT_ERROR(Query(many + "a=1"), ErrorCode::bad_input);
}

}  // namespace
}  // namespace sagittal::server::http
