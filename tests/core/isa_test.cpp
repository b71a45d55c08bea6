#include "icl/core/isa.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

namespace icl {
namespace {

TEST(Isa, IsTheWidestThatTheCpuHasUnlessOneIsNamed) {
  const char* const named = std::getenv("ICL_ISA");
  EXPECT_TRUE(cpu_has(isa()));
  if (named != nullptr) {
    EXPECT_EQ(isa_name(isa()), named);
  } else {
    EXPECT_EQ(isa() == Isa::avx512, cpu_has(Isa::avx512));
  }
}

TEST(Isa, AvxTwoIsNeeded) { EXPECT_TRUE(cpu_has(Isa::avx2)); }

TEST(Isa, ChoosesTheLoopsInForce) { EXPECT_EQ(in_force(2, 512), isa() == Isa::avx512 ? 512 : 2); }

}  // namespace
}  // namespace icl
