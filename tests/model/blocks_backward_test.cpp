#include <gtest/gtest.h>

#include <array>
#include <string>

#include "icl/model/blocks.hpp"
#include "model/blocks_case.hpp"
#include "support/blas.hpp"
#include "support/gradient_check.hpp"
#include "support/same_bits.hpp"
#include "support/sinks.hpp"

namespace icl::model {
namespace {

using namespace blocks_test;
using nn::Attending;
using test::collect_gradients;
using test::largest_of;

/// A step that rides on the backward pass ends where the gradient leads: no weight changes before
/// all that needs it is computed.
TEST(Blocks, TakeInputGradientsBeforeTheWeightsChange) {
  constexpr double rate = 0.5;
  const double unit = sizeof(Real) == sizeof(double) ? 1e-14 : 1e-5;
  for (const std::string& keys : settings()) {
    Case plain(keys);
    const auto gradients = collect_gradients(*plain.model);
    plain.forward();
    plain.backward();
    Case stepped(keys);
    for (nn::Parameter* p : stepped.model->parameters()) test::set_step(*p, rate, 0);
    stepped.forward();
    stepped.backward();
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      const nn::Parameter& before = *plain.model->parameters()[i];
      const Tensor& after = stepped.model->parameters()[i]->value;
      const double size = largest_of(before.value) + rate * largest_of(gradients[i]);
      for (std::int64_t k = 0; k < after.size(); ++k) {
        ASSERT_NEAR(after[k], double{before.value[k]} - rate * double{gradients[i][k]}, unit * size)
            << keys << ": " << before.name << ' ' << k;
      }
    }
  }
}

TEST(Blocks, ThreeStepsHaveTheSameBitsForAnyNumberOfWorkers) {
  for (const std::string keys :
       {"blocks.n_heads = 3\nblocks.d_head = 4\nblocks.positions = \"learned\"\n"
        "blocks.mlp = \"every\"\nblocks.d_mlp = 150",
        "data.layout = \"interleaved\"\nblocks.positions = \"rotary\"\nblocks.norm = \"input\"\n"
        "blocks.d_model = 140\nblocks.read_in = \"linear\""}) {
    test::expect_same_bits_for_any_number_of_workers([&](const Workers& workers) {
      Case c(make_config(keys), 150);
      c.model->initialise(1);
      return c.three_steps(workers);
    });
  }
}

#ifdef ICL_REAL_DOUBLE

/// Checks all parameters against the logits.
testing::AssertionResult check_gradients(Case& c, bool gelu) {
  test::GradientCheck check(7);
  for (nn::Parameter* p : c.model->parameters()) {
    if (!p->frozen) check.parameter(*p);
  }
  check.output(c.activations->logits.values(), c.activations->dlogits.values());
  for (const auto& [name, tensor] : c.activations->forward_tensors()) {
    const bool of_layer = name.starts_with("layer");
    if (name.find("hidden") < name.size() && !(of_layer && gelu)) check.relu(tensor->values());
  }
  return check.run([&] { c.forward(); },
                   [&] { c.model->backward(c.sample.batch, *c.activations, Workers(1)); });
}

TEST(Blocks, BackwardIsTheDerivativeOfForward) {
  for (const std::string& keys : settings()) {
    Case c(keys);
    EXPECT_TRUE(check_gradients(c, keys.find("gelu") < keys.size())) << keys;
  }
}

TEST(Blocks, BackwardIsTheDerivativeOfForwardWithALinearReadout) {
  config::Config config = make_config("");
  config.model.hidden = 512;
  config.blocks.readout = config::ReadoutKind::linear;
  Case c(config);
  EXPECT_TRUE(check_gradients(c, false));
}

TEST(Blocks, BackwardIsTheDerivativeOfForwardWhereverTheTargetAttends) {
  for (const std::string keys : {"", "data.layout = \"interleaved\"\nblocks.n_heads = 7"}) {
    for (const Attending attending : all_attending) {
      Case c(keys);
      c.activations->attending = attending;
      EXPECT_TRUE(check_gradients(c, false)) << keys << static_cast<int>(attending);
    }
  }
}

TEST(Blocks, BackwardIsTheDerivativeOfForwardWhereSequencesAreShifted) {
  for (const std::string positions : {"onehot", "learned"}) {
    Case c(
        "data.layout = \"interleaved\"\nblocks.n_ctx = 10\nblocks.shift = \"random\"\n"
        "blocks.positions = \"" +
        positions + '"');
    c.sample.batch.shift = BasicTensor<std::int32_t>({5});
    for (std::int32_t b = 0; b < 5; ++b) c.sample.batch.shift[b] = (2 * b) % 4;
    EXPECT_TRUE(check_gradients(c, false)) << positions;
  }
}

TEST(Blocks, BackwardIsTheDerivativeOfForwardWhateverHeadsAreClampedTo) {
  const std::array clamps{nn::HeadClamp{0, 0, Attending::previous},
                          nn::HeadClamp{0, 1, Attending::copy},
                          nn::HeadClamp{1, 1, Attending::uniform}};
  Case c(two_heads);
  c.activations->clamp({Attending::learned, clamps});
  EXPECT_TRUE(check_gradients(c, false));
}

#endif

}  // namespace
}  // namespace icl::model
