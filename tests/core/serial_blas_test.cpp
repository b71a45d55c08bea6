#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "icl/core/error.hpp"
#include "icl/core/gemm.hpp"

namespace icl {
namespace {

TEST(SerialBlas, IsRefusedAtTheStart) {
  ASSERT_EQ(blas_info().threading, "serial");
  try {
    prepare_blas();
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::internal);
    EXPECT_THAT(error.what(), testing::HasSubstr("serial build of OpenBLAS"));
  }
}

}  // namespace
}  // namespace icl
