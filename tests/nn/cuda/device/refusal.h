#pragma once
#include <gtest/gtest.h>

#include <string>

#include "base/error.h"

namespace sagittal::nn::cuda {

/// The text of the Error that `work` throws, which is of that code.
template <class Work>
std::string refusal(const Work& work, ErrorCode code) {
  try {
    work();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    return error.what();
  }
  return "no error";
}

}  // namespace sagittal::nn::cuda
