#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <string>

#include "core/allocations.hpp"
#include "icl/train/trainer.hpp"
#include "support/blas.hpp"

namespace icl::train {
namespace {

/// Reads the count of allocations at each step, without adding to it.
class AllocationMeter final : public Observer {
 public:
  void stepped(const StateView& view) override {
    if (view.progress().step == 1) first_ = test::allocations();
    last_ = test::allocations();
  }
  [[nodiscard]] std::int64_t after_first_step() const { return last_ - first_; }

 private:
  std::int64_t first_ = 0, last_ = 0;
};

/// 24 steps.
config::Config configuration(const std::string& system, config::Diversity item_count) {
  config::Config config;
  config.model.system = config::choice_of<config::System>(system).value();
  config.model.hidden = 200;
  config.data.K = item_count;
  config.data.N = 6;
  config.data.D = 8;
  config.train.epochs = 6;
  config.train.steps_per_epoch = 4;
  config.train.batch_size = 10;
  config.eval.sequences = 40;
  config.probe.sequences = 30;
  config.record.snapshots = 0;
  return config;
}

std::int64_t allocations_after_the_first_step(const config::Config& config, int threads) {
  Trainer trainer(config, Workers(threads));
  AllocationMeter meter;
  const std::array<Observer*, 1> observers{&meter};
  const std::int64_t before = test::allocations();
  (void)trainer.run(observers, std::atomic<bool>(false));
  EXPECT_LT(test::allocations() - before, 100);
  return meter.after_first_step();
}

constexpr std::array systems{"one_layer", "multi_layer", "scalar_beta",
                             "minimal",   "memoriser",   "blocks"};

template <class Check>
void for_all_systems(const Check& check) {
  for (const char* system : systems) {
    for (const config::Diversity item_count :
         {config::Diversity(16), config::Diversity::infinity()}) {
      if (item_count.is_infinite() && std::string(system) == "memoriser") continue;
      SCOPED_TRACE(std::string(system) + (item_count.is_infinite() ? ", K = inf" : ", K = 16"));
      check(configuration(system, item_count));
    }
  }
}

TEST(TrainerAllocation, DoesNotHappenAfterTheFirstStep) {
  for_all_systems([](config::Config config) {
    config.eval.every = 0;
    config.intervene.rate = "memoriser*0.5@3:7";
    for (const char* optimizer : {"sgd", "adam"}) {
      config.train.optimizer = config::choice_of<config::Optimizer>(optimizer).value();
      for (const int threads : {1, 3}) {
        EXPECT_EQ(allocations_after_the_first_step(config, threads), 0)
            << optimizer << ", " << threads << " workers";
      }
    }
  });
}

TEST(TrainerAllocation, DoesNotHappenWhereEveryPositionIsAsked) {
  config::Config config = configuration("blocks", 16);
  config.eval.every = 0;
  config.data.layout = config::Layout::interleaved;
  config.train.loss_at = config::LossAt::every;
  for (const int threads : {1, 3}) EXPECT_EQ(allocations_after_the_first_step(config, threads), 0);
}

// Losses, accuracies and all probes but the alignment, which multiplies matrices of its own.
TEST(TrainerAllocation, DoesNotHappenInEvaluations) {
  for_all_systems([](config::Config config) {
    config.probe.record = "memorisation effective attention margins lesions norms";
    for (const int threads : {1, 3}) {
      EXPECT_EQ(allocations_after_the_first_step(config, threads), 0) << threads << " workers";
    }
  });
}

}  // namespace
}  // namespace icl::train
