#include "icl/core/memory.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <new>

namespace icl {
namespace {

TEST(Memory, IsAlignedToWhatItsSizeCallsFor) {
  constexpr std::size_t huge = std::size_t{1} << 21U;
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{100}, huge - 1, huge, 3 * huge + 5}) {
    void* const p = allocate(bytes);
    const auto alignment = bytes < huge ? cache_line_bytes : huge;
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(p) % alignment, 0U) << bytes;
    std::memset(p, 1, bytes);
    deallocate(p, bytes);
  }
}

#ifndef __SANITIZE_ADDRESS__  // which ends the program instead
TEST(Memory, ThatIsNotThereIsBadAlloc) {
  EXPECT_THROW((void)allocate(std::size_t{1} << 60U), std::bad_alloc);
}
#endif

}  // namespace
}  // namespace icl
