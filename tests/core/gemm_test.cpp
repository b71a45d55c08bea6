#include "icl/core/gemm.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <limits>
#include <ostream>
#include <random>
#include <vector>

#include "icl/core/parallel.hpp"

namespace icl {
namespace {

using Matrix = std::vector<Real>;

/// Numbers in (-1, 1) with all their bits in use.
Matrix random_matrix(std::int64_t size, unsigned int seed) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<Real> uniform(-1, 1);
  Matrix matrix(static_cast<std::size_t>(size));
  for (Real& x : matrix) x = uniform(generator);
  return matrix;
}

/// A product: sizes, and by how much each stride exceeds its row.
struct Shape {
  std::int64_t m, n, k;
  std::int64_t a_gap = 0, b_gap = 0, c_gap = 0;
};

/// Element (row, column) of op(A).
Real at(const Operand& a, std::int64_t row, std::int64_t column) {
  return a.op == Op::none ? a.data[row * a.stride + column] : a.data[column * a.stride + row];
}

/// A product's operands and the C that it starts from.
struct Problem {
  Problem(const Shape& s, Op a_op, Op b_op)
      : shape(s),
        a_data(random_matrix((s.m + s.k + s.a_gap) * (s.m + s.k), 1)),
        b_data(random_matrix((s.k + s.n + s.b_gap) * (s.k + s.n), 2)),
        c(random_matrix(s.m * (s.n + s.c_gap), 3)),
        a{a_data.data(), (a_op == Op::none ? s.k : s.m) + s.a_gap, a_op},
        b{b_data.data(), (b_op == Op::none ? s.n : s.k) + s.b_gap, b_op} {}

  void run(Real alpha, Real beta, Matrix& result) const {
    gemm(shape.m, shape.n, shape.k, alpha, a, b, beta, result.data(), shape.n + shape.c_gap);
  }

  Shape shape;
  Matrix a_data, b_data, c;
  Operand a, b;
};

/// Holds `result` against a naive product in double. Any order of summation in Real keeps within
/// (k + 3) eps times the sum of the magnitudes.
void expect_product(const Problem& p, Real alpha, Real beta, const Matrix& result) {
  const Shape& s = p.shape;
  const double bound = static_cast<double>(s.k + 3) * std::numeric_limits<Real>::epsilon();
  for (std::int64_t i = 0; i < s.m; ++i) {
    for (std::int64_t j = 0; j < s.n + s.c_gap; ++j) {
      const auto place = static_cast<std::size_t>(i * (s.n + s.c_gap) + j);
      if (j >= s.n) {
        ASSERT_EQ(result[place], p.c[place]) << "written between the rows of C, row " << i;
        continue;
      }
      double sum = beta == 0 ? 0 : static_cast<double>(beta) * p.c[place];
      double magnitude = std::abs(sum);
      for (std::int64_t l = 0; l < s.k; ++l) {
        const double term = static_cast<double>(alpha) * at(p.a, i, l) * at(p.b, l, j);
        sum += term;
        magnitude += std::abs(term);
      }
      ASSERT_NEAR(result[place], sum, bound * magnitude) << i << ", " << j;
    }
  }
}

constexpr std::array shapes{Shape{1, 1, 1},
                            Shape{2, 3, 4, 1, 2, 3},
                            Shape{5, 1, 7, 0, 3, 0},
                            Shape{1, 6, 9, 2, 0, 1},
                            Shape{16, 16, 16},
                            Shape{33, 17, 65, 3, 1, 5},
                            Shape{128, 65, 40, 0, 7, 0},
                            Shape{3, 130, 200, 0, 0, 2}};

class GemmTest : public testing::TestWithParam<std::tuple<Op, Op, std::size_t>> {
 protected:
  Problem problem_{shapes.at(std::get<2>(GetParam())), std::get<0>(GetParam()),
                   std::get<1>(GetParam())};
};

TEST_P(GemmTest, EqualsNaiveProduct) {
  for (const Real alpha : {Real{1}, static_cast<Real>(-0.01)}) {
    for (const Real beta : {Real{0}, Real{1}, Real{0.5}}) {
      SCOPED_TRACE(testing::Message() << "alpha " << alpha << ", beta " << beta);
      Matrix result = problem_.c;
      problem_.run(alpha, beta, result);
      expect_product(problem_, alpha, beta, result);
    }
  }
}

TEST_P(GemmTest, WithBetaZeroWritesOnly) {
  const Shape& s = problem_.shape;
  Matrix result = problem_.c;
  for (std::int64_t i = 0; i < s.m; ++i) {
    for (std::int64_t j = 0; j < s.n; ++j) {
      result[static_cast<std::size_t>(i * (s.n + s.c_gap) + j)] =
          std::numeric_limits<Real>::quiet_NaN();
    }
  }
  problem_.run(1, 0, result);
  expect_product(problem_, 1, 0, result);
}

INSTANTIATE_TEST_SUITE_P(AllOps, GemmTest,
                         testing::Combine(testing::Values(Op::none, Op::transpose),
                                          testing::Values(Op::none, Op::transpose),
                                          testing::Range(std::size_t{0}, shapes.size())));

TEST(Gemm, OfNoTermsScalesC) {
  const Matrix empty(1);
  Matrix c{1, 2, 3, 4};
  gemm(2, 2, 0, 1, {empty.data(), 1}, {empty.data(), 2}, Real{0.5}, c.data(), 2);
  EXPECT_THAT(c, testing::ElementsAre(Real{0.5}, 1, Real{1.5}, 2));
}

TEST(Blas, OfThisBuildIsAccepted) {
  EXPECT_NO_THROW(prepare_blas());
  EXPECT_NO_THROW(prepare_blas());
}

TEST(Blas, SaysWhatItIs) {
  const BlasInfo info = blas_info();
  EXPECT_EQ(info.threading, "openmp");
  EXPECT_THAT(info.config, testing::HasSubstr("OpenBLAS"));
  EXPECT_FALSE(info.kernel_set.empty());
}

// What the serial build of OpenBLAS fails: there one in twenty small products is wrong.
TEST(Gemm, CalledFromFourThreadsAtOnceGivesTheBitsOfOne) {
  prepare_blas();
  std::vector<Problem> problems;
  for (const Shape& shape : {Shape{16, 16, 16}, Shape{1, 17, 5}, Shape{33, 8, 65}, Shape{7, 40, 12},
                             Shape{48, 48, 48}}) {
    for (const Op a : {Op::none, Op::transpose}) {
      for (const Op b : {Op::none, Op::transpose}) problems.emplace_back(shape, a, b);
    }
  }
  std::vector<Matrix> alone;
  for (const Problem& problem : problems) {
    alone.push_back(problem.c);
    problem.run(1, 1, alone.back());
  }
  constexpr std::int64_t tasks = 40;
  constexpr int repeats = 25000;  // a million products in all
  std::array<int, tasks> wrong{};
  Workers(4).for_each(tasks, [&](std::int64_t t) {
    Matrix result;
    for (int repeat = 0; repeat < repeats; ++repeat) {
      const std::size_t which =
          (static_cast<std::size_t>(t) * 7 + static_cast<std::size_t>(repeat)) % problems.size();
      result = problems[which].c;
      problems[which].run(1, 1, result);
      const bool equal =
          std::memcmp(result.data(), alone[which].data(), result.size() * sizeof(Real)) == 0;
      wrong[static_cast<std::size_t>(t)] += equal ? 0 : 1;
    }
  });
  EXPECT_THAT(wrong, testing::Each(0));
}

// OpenBLAS would split this product among OMP_NUM_THREADS threads (tests/CMakeLists.txt sets 2 and
// 8), and then its bits would be others: nobody has told it not to but gemm() itself.
TEST(Gemm, StartsNoThreads) {
  constexpr std::int64_t n = 512;
  const Matrix a = random_matrix(n * n, 1);
  const Matrix b = random_matrix(n * n, 2);
  Matrix c(static_cast<std::size_t>(n * n));
  const auto threads = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/task"),
                         std::filesystem::directory_iterator());
  };
  const auto before = threads();
  gemm(n, n, n, 1, {a.data(), n}, {b.data(), n}, 0, c.data(), n);
  EXPECT_EQ(threads(), before);
}

}  // namespace
}  // namespace icl
