#pragma once
#include <gtest/gtest.h>

#include "base/error.h"

/// Expects `statement` to throw sagittal::Error with that code.
#define EXPECT_ERROR(statement, expected_code)                                              \
  do {                                                                                      \
    try {                                                                                   \
      statement;                                                                            \
      ADD_FAILURE() << "no error from " #statement;                                         \
    } catch (const sagittal::Error& error) {                                                \
      EXPECT_EQ(describe(error.code()).name, describe(expected_code).name) << error.what(); \
    }                                                                                       \
  } while (false)
