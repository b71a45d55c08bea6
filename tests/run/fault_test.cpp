#include <gtest/gtest.h>

#include <limits>

#include "icl/run/decode.hpp"
#include "icl/run/recorder.hpp"
#include "support/runs.hpp"

namespace icl::run {
namespace {

using train::Observer;
using train::Outcome;
using train::Trainer;

/// Plants a number in a parameter after a step, as a fault of memory would.
class Planter final : public Observer {
 public:
  Planter(Trainer& trainer, std::size_t parameter, Real number)
      : trainer_(trainer), parameter_(parameter), number_(number) {}
  void stepped(const train::StateView& run) override {
    if (run.progress().step != planted_after) return;
    Tensor& value = trainer_.parameters()[parameter_]->value;
    value[value.size() / 2] = number_;
  }
  static constexpr std::int64_t planted_after = 13;

 private:
  Trainer& trainer_;
  std::size_t parameter_;
  Real number_;
};

TEST(Fault, ANumberThatIsNotFiniteIsReportedAtItsStepByNameAndNeverPublished) {
  constexpr Real infinity = std::numeric_limits<Real>::infinity();
  constexpr Real nan = std::numeric_limits<Real>::quiet_NaN();
  prepare_blas();
  int places = 0;
  for (std::size_t parameter = 0; parameter < 9; ++parameter) {
    for (const Real number : {nan, infinity, -infinity}) {
      const test::TemporaryFolder folder;
      auto config = test::tiny_config();
      config.record.publish_seconds = 0;
      Trainer trainer(config, Workers(1));
      store::OutputLock output(folder / "run.h5");
      Recorder recorder(output, new_record(config, trainer.readable_parameters()),
                        describe_process(1, "test"));
      Planter planter(trainer, parameter, number);
      const std::array<Observer*, 2> observers{&recorder, &planter};
      const std::atomic<bool> stop{false};
      const std::string name = trainer.parameters()[parameter]->name;
      EXPECT_EQ(trainer.run(observers, stop), Outcome::diverged) << name << ' ' << number;
      EXPECT_EQ(trainer.progress().step, Planter::planted_after) << name << ' ' << number;
      EXPECT_NE(trainer.fault().find(name), std::string::npos) << trainer.fault();
      EXPECT_NE(trainer.fault().find("step 13"), std::string::npos) << trainer.fault();
      // decode refuses what is not finite, so this says that nothing of it was published.
      const auto file = read_run(folder / "run.h5").record;
      EXPECT_EQ(file.status, RunStatus::diverged);
      EXPECT_EQ(file.metric_steps, (std::vector<std::int64_t>{0, 10}));
      ++places;
    }
  }
  EXPECT_EQ(places, 27);
}

}  // namespace
}  // namespace icl::run
