#include "icl/core/tensor.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <type_traits>
#include <utility>
#include <vector>

namespace icl {
namespace {

using testing::Each;
using testing::ElementsAre;

template <class T>
bool is_aligned(const BasicTensor<T>& tensor) {
  return reinterpret_cast<std::uintptr_t>(tensor.data()) % 64 == 0;
}

TEST(Tensor, DefaultIsEmpty) {
  const Tensor tensor;
  EXPECT_TRUE(tensor.empty());
  EXPECT_EQ(tensor.size(), 0);
  EXPECT_TRUE(tensor.shape().empty());
  EXPECT_TRUE(tensor.values().empty());
}

TEST(Tensor, HasTheShapeItIsGiven) {
  const BasicTensor<int> tensor({2, 3, 4, 5});
  EXPECT_THAT(tensor.shape(), ElementsAre(2, 3, 4, 5));
  EXPECT_EQ(tensor.extent(2), 4);
  EXPECT_EQ(tensor.size(), 120);
  EXPECT_FALSE(tensor.empty());
}

TEST(Tensor, OfRankZeroIsOneNumber) {
  const Tensor tensor(std::span<const std::int64_t>{});
  EXPECT_EQ(tensor.size(), 1);
  EXPECT_EQ(tensor[0], Real{0});
}

TEST(Tensor, WithAZeroExtentHasNoElements) {
  const Tensor tensor({3, 0, 2});
  EXPECT_THAT(tensor.shape(), ElementsAre(3, 0, 2));
  EXPECT_TRUE(tensor.empty());
  EXPECT_TRUE(tensor.clone().empty());
}

TEST(Tensor, StartsAtZeroEvenInUsedMemory) {
  for (int round = 0; round < 20; ++round) {
    BasicTensor<std::int32_t> tensor({100, 10});
    ASSERT_THAT(tensor.values(), Each(0));
    std::ranges::fill(tensor.values(), -1);
  }
}

TEST(Tensor, StartsOnACacheLine) {
  std::vector<BasicTensor<std::int8_t>> bytes;
  std::vector<BasicTensor<double>> numbers;
  for (std::int64_t n = 1; n < 50; ++n) {
    bytes.push_back(BasicTensor<std::int8_t>({n}));
    numbers.push_back(BasicTensor<double>({n}));
    EXPECT_TRUE(is_aligned(bytes.back())) << n;
    EXPECT_TRUE(is_aligned(numbers.back())) << n;
  }
}

TEST(Tensor, IsRowMajor) {
  BasicTensor<int> tensor({2, 3, 4});
  for (std::int64_t i = 0; i < tensor.size(); ++i) tensor[i] = static_cast<int>(i);
  EXPECT_EQ(tensor.row(0), tensor.data());
  EXPECT_EQ(tensor.row(1), tensor.data() + 12);
  EXPECT_EQ(tensor.row(1)[2 * 4 + 3], 23);
  EXPECT_EQ(std::as_const(tensor).row(1)[0], 12);
  EXPECT_EQ(std::as_const(tensor)[17], 17);
}

TEST(Tensor, OnPaperHasAShapeAndCountsItsBytes) {
  double bytes = 0;
  const Storage paper = Storage::on_paper(&bytes);
  const BasicTensor<double> huge({1 << 30, 1 << 30, 1 << 30}, paper);
  EXPECT_THAT(huge.shape(), ElementsAre(1 << 30, 1 << 30, 1 << 30));
  EXPECT_EQ(bytes, 0x1p93);
  EXPECT_EQ(huge.data(), nullptr);
  EXPECT_TRUE(huge.values().empty());
  const BasicTensor<float> other({3}, Storage::on_paper());
  EXPECT_EQ(other.extent(0), 3);
}

TEST(Tensor, MoreThanTheMachineCanCountIsOutOfMemory) {
  EXPECT_THROW(Tensor({1 << 30, 1 << 30, 1 << 30}), std::bad_alloc);
  EXPECT_TRUE(Tensor({1 << 30, 1 << 30, 1 << 30, 0}).empty());
}

TEST(Tensor, CloneIsIndependent) {
  BasicTensor<int> tensor({2, 2});
  tensor[3] = 7;
  BasicTensor<int> copy = tensor.clone();
  EXPECT_THAT(copy.shape(), ElementsAre(2, 2));
  EXPECT_THAT(copy.values(), ElementsAre(0, 0, 0, 7));
  copy[0] = 1;
  EXPECT_EQ(tensor[0], 0);
}

TEST(Tensor, MovesWithoutCopyingAndDoesNotCopyByItself) {
  static_assert(!std::is_copy_constructible_v<Tensor> && !std::is_copy_assignable_v<Tensor>);
  static_assert(std::is_nothrow_move_constructible_v<Tensor>);
  Tensor tensor({5});
  const Real* const data = tensor.data();
  const Tensor moved = std::move(tensor);
  EXPECT_EQ(moved.data(), data);
  EXPECT_EQ(moved.size(), 5);
}

#ifndef NDEBUG
TEST(TensorDeathTest, AssertsIndices) {
  const Tensor tensor({2, 3});
  EXPECT_DEATH((void)tensor[6], "");
  EXPECT_DEATH((void)tensor[-1], "");
  EXPECT_DEATH((void)tensor.row(2), "");
  EXPECT_DEATH((void)tensor.extent(2), "");
}
#endif

}  // namespace
}  // namespace icl
