#include <gtest/gtest.h>

#include <array>
#include <atomic>

#include "core/allocations.hpp"
#include "icl/train/trainer.hpp"
#include "support/blas.hpp"

namespace icl::train {
namespace {

/// Reads the count of allocations at each step, without adding to it.
class AllocationMeter final : public Observer {
 public:
  void stepped(const Progress& p, std::span<const nn::Parameter* const>) override {
    if (p.step == 1) first_ = test::allocations();
    last_ = test::allocations();
  }
  [[nodiscard]] std::int64_t after_first_step() const { return last_ - first_; }

 private:
  std::int64_t first_ = 0, last_ = 0;
};

TEST(TrainerAllocation, DoesNotHappenAfterTheFirstStep) {
  for (const config::Diversity item_count :
       {config::Diversity(16), config::Diversity::infinity()}) {
    for (const int threads : {1, 3}) {
      config::Config config;
      config.model.hidden = 200;
      config.data = {.K = item_count, .N = 6, .D = 8};
      config.train.epochs = 6;
      config.train.steps_per_epoch = 4;
      config.train.batch_size = 10;
      config.eval.sequences = 40;
      config.record.snapshots = 0;
      Trainer trainer(config, Workers(threads));
      AllocationMeter meter;
      const std::array<Observer*, 1> observers{&meter};
      const std::int64_t before = test::allocations();
      (void)trainer.run(observers, std::atomic<bool>(false));
      EXPECT_EQ(meter.after_first_step(), 0) << threads << " workers";
      EXPECT_LT(test::allocations() - before, 100);
    }
  }
}

}  // namespace
}  // namespace icl::train
