// A step of training allocates nothing after the first: this program counts every operator new.

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "icl/nn/logistic_loss.hpp"
#include "support/blas.hpp"
#include "support/models.hpp"
#include "support/sample.hpp"
#include "support/sinks.hpp"

namespace {

std::atomic<std::int64_t> allocations{0};

void* allocate(std::size_t size, std::size_t alignment) {
  ++allocations;
  const std::size_t rounded = (size + alignment - 1) / alignment * alignment;
  if (void* p = std::aligned_alloc(alignment, rounded)) return p;
  throw std::bad_alloc();
}

}  // namespace

// The array and nothrow forms call these.
void* operator new(std::size_t size) { return allocate(size, __STDCPP_DEFAULT_NEW_ALIGNMENT__); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocate(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }

namespace icl::model {
namespace {

TEST(Allocation, IsCounted) {
  const std::int64_t before = allocations;
  const Tensor tensor({3});
  const auto number = std::make_unique<int>(1);
  const std::vector<double> numbers(10);
  EXPECT_EQ(allocations - before, 3);
}

TEST(Allocation, DoesNotHappenInAStep) {
  constexpr std::int64_t batch = 37;
  constexpr std::int64_t length = 9;
  constexpr std::int64_t dimension = 63;
  const auto model = test::make_one_layer(dimension, 150);
  test::randomise(*model);
  for (nn::Parameter* p : model->parameters()) test::set_step(*p, 0.01, 0.1);
  const test::Sample sample({batch, length, dimension}, *model);
  const auto activations = model->make_activations(batch, length);
  for (const int threads : {1, 2}) {
    const Workers workers(threads);
    const auto step = [&] {
      model->forward(sample.batch, *activations, workers);
      nn::logistic_loss_gradient(batch, activations->logits.data(), sample.batch.answer.data(),
                                 activations->dlogits.data());
      model->backward(sample.batch, *activations, workers);
    };
    step();
    const std::int64_t before = allocations;
    for (int i = 0; i < 10; ++i) step();
    EXPECT_EQ(allocations - before, 0) << threads << " workers";
  }
}

}  // namespace
}  // namespace icl::model
