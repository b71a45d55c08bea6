#include "icl/core/cut.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "icl/core/gemm.hpp"
#include "support/blas.hpp"
#include "support/random.hpp"

namespace icl {
namespace {

/// c += op(a) op(b), cut in tiles of these rows and columns.
void multiply(const Operand& a, const Operand& b, std::int64_t k, std::int64_t rows,
              std::int64_t columns, Tensor& c) {
  const auto at_row = [](const Operand& o, std::int64_t i) {
    return Operand{o.data + (o.op == Op::none ? i * o.stride : i), o.stride, o.op};
  };
  const auto at_column = [](const Operand& o, std::int64_t j) {
    return Operand{o.data + (o.op == Op::none ? j : j * o.stride), o.stride, o.op};
  };
  for (std::int64_t i = 0; i < c.extent(0); i += rows) {
    for (std::int64_t j = 0; j < c.extent(1); j += columns) {
      gemm(std::min(rows, c.extent(0) - i), std::min(columns, c.extent(1) - j), k, 1, at_row(a, i),
           at_column(b, j), 1, c.row(i) + j, c.extent(1));
    }
  }
}

/// Whether products [m, n] in tiles [tile, tile] have the bits of whole ones.
bool joins(std::int64_t m, std::int64_t n, std::int64_t k, std::int64_t tile, Op op_a, Op op_b) {
  const Tensor a = test::normal_tensor({m * k}, 1);
  const Tensor b = test::normal_tensor({k * n}, 2);
  const Operand left{a.data(), op_a == Op::none ? k : m, op_a};
  const Operand right{b.data(), op_b == Op::none ? n : k, op_b};
  Tensor whole = test::normal_tensor({m, n}, 3);
  Tensor cut = whole.clone();
  multiply(left, right, k, m, n, whole);
  multiply(left, right, k, tile, tile, cut);
  return std::memcmp(whole.data(), cut.data(),
                     static_cast<std::size_t>(whole.size()) * sizeof(Real)) == 0;
}

// Run with the kernels of this CPU, and by CTest with AVX2's, for which nothing is joined.
TEST(MayJoin, SaysSoOnlyWhereTheBitsAreEqual) {
  prepare_blas();
  constexpr std::int64_t tile = 128;
  std::int64_t joined = 0;
  for (const std::int64_t m : {128, 256, 300, 512}) {
    for (const std::int64_t n : {65, 128, 333, 512}) {
      for (const std::int64_t k : {65, 128, 512, 1500}) {
        if (!may_join({m, tile, std::min(n, tile), k}) ||
            !may_join({n, tile, std::min(m, tile), k}) ||
            !may_join({m, tile, n % tile == 0 ? tile : n % tile, k})) {
          continue;
        }
        ++joined;
        EXPECT_TRUE(joins(m, n, k, tile, Op::none, Op::transpose)) << m << " " << n << " " << k;
        EXPECT_TRUE(joins(m, n, k, tile, Op::none, Op::none)) << m << " " << n << " " << k;
        EXPECT_TRUE(joins(m, n, k, tile, Op::transpose, Op::none)) << m << " " << n << " " << k;
      }
    }
  }
  const std::string kernels = blas_info().kernel_set;
  if (kernels == "SkylakeX" || kernels == "Cooperlake") {
    EXPECT_GT(joined, 20);
  } else {
    EXPECT_EQ(joined, 0);
  }
}

TEST(MayJoin, NotWhereATileIsASmallProduct) {
  EXPECT_FALSE(may_join({512, 128, 16, 65}));
  EXPECT_FALSE(may_join({129, 128, 512, 512}));  // the last has one row
}

TEST(TaskExtent, IsATileUnlessOneThreadHasAll) {
  prepare_blas();
  const Cut cut{512, 128, 128, 512};
  EXPECT_EQ(task_extent(cut, 2), 128);
  EXPECT_EQ(task_extent(cut, 1), may_join(cut) ? 512 : 128);
}

}  // namespace
}  // namespace icl
