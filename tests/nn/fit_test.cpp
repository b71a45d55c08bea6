#include "icl/nn/fit.hpp"

#include <gtest/gtest.h>

#include "icl/nn/block.hpp"
#include "icl/nn/causal_attention.hpp"
#include "icl/nn/heads_attention.hpp"
#include "icl/nn/label_attention.hpp"
#include "icl/nn/layer_norm.hpp"
#include "icl/nn/linear.hpp"
#include "icl/nn/mlp.hpp"
#include "icl/nn/readout.hpp"
#include "icl/nn/scalar_attention.hpp"
#include "icl/nn/target_attention.hpp"
#include "icl/nn/token_mlp.hpp"
#include "support/errors.hpp"
#include "support/sample.hpp"

namespace icl::nn {
namespace {

const Workers one(1);

/// Expects Error(internal) with this message.
template <class Action>
void expect_misfit(const std::string& message, const Action& action) {
  EXPECT_EQ(test::message_of(ExitCode::internal, action), message);
}

TEST(Fit, ViewsReachAsFarAsTheirTensor) {
  Tensor x({3, 2, 2});
  const MatrixView view = x;
  EXPECT_EQ(view.data, x.data());
  EXPECT_EQ(view.rows, 3);
  EXPECT_EQ(view.columns, 4);
  EXPECT_EQ(view.row(2), x.row(2));
  EXPECT_EQ(view.from(1).rows, 2);
  EXPECT_EQ(ConstMatrixView(view).data, x.data());
  EXPECT_TRUE(ConstMatrixView(Tensor()).is_none());
  const ConstMatrixView vector = Tensor({5});
  EXPECT_EQ(vector.rows, 5);
  EXPECT_EQ(vector.columns, 1);
}

TEST(Fit, LinearLooksAtBothSides) {
  Linear layer("mlp.0", 3, 5, "token", "hidden1");
  const Tensor x({4, 3});
  Tensor h({4, 5});
  Tensor narrow({4, 4});
  expect_misfit("the layer of mlp.0.weight needs x [5, 3] and was given [4, 3]",
                [&] { layer.forward(5, x, h, Activation::relu, one); });
  expect_misfit("the layer of mlp.0.weight needs h [4, 5] and was given [4, 4]",
                [&] { layer.forward(4, x, narrow, Activation::relu, one); });
  expect_misfit("the layer of mlp.0.weight needs dz [4, 5] and was given [4, 4]",
                [&] { layer.backward_parameters(4, x, narrow, one); });
  expect_misfit("the layer of mlp.0.weight needs dx [4, 3] and was given [0, 0]",
                [&] { layer.backward_input(4, h, {}, {}, one); });
  expect_misfit("the layer of mlp.0.weight needs the ReLU's output [4, 3] and was given [4, 4]",
                [&] {
                  Tensor dx({4, 3});
                  layer.backward_input(4, h, narrow, dx, one);
                });
  EXPECT_EQ(test::outcome_of([&] { return layer.forward(3, x, h, Activation::relu, one), 0; }).code,
            ExitCode::done);
}

TEST(Fit, ActivationsOfASmallerBatchAreNotWrittenBeyond) {
  const Tensor x({8, 3});
  Tensor z({8, 1});
  Mlp mlp("mlp", 3, 6, "token");
  Mlp::Activations few(4, 6);
  expect_misfit("the layer of mlp.0.weight needs h [8, 6] and was given [4, 6]",
                [&] { mlp.forward(8, x, few, z, one); });
  const TokenMlp::Shape shape{.in = 3, .hidden = 6, .out = 3};
  TokenMlp token_mlp("layers.0.mlp", shape, {"token", "token"});
  TokenMlp::Activations few_tokens(4, shape);
  Tensor y({8, 3});
  expect_misfit(
      "the layer of layers.0.mlp.0.weight needs activations h [8, 6] and was given [4, 6]",
      [&] { token_mlp.forward(8, x, few_tokens, y, one); });
  expect_misfit(
      "the layer of layers.0.mlp.0.weight needs activations h [8, 6] and was given [4, 6]",
      [&] { token_mlp.backward(8, x, few_tokens, y, y, one); });
  LayerNorm norm("ln", 3, "token");
  LayerNorm::Activations few_rows(4, 3);
  expect_misfit("the layer of ln.weight needs activations n [8, 3] and was given [4, 3]",
                [&] { norm.forward(8, x, few_rows, y, one); });
  Readout readout("mlp.4", 3, "hidden2");
  expect_misfit("the layer of mlp.4.weight needs z [8, 1] and was given [4, 1]", [&] {
    Tensor short_z({4});
    readout.forward(8, x, short_z, one);
  });
}

TEST(Fit, HeadsAndBlocksLookAtTokensAndOutputs) {
  const HeadsAttention::Shape shape{.width = 4, .tokens = 3, .heads = 2, .head = 2};
  HeadsAttention heads("attn", shape);
  HeadsAttention::Activations two(2, shape, Queries::all);
  Tensor x({9, 4});
  Tensor y({9, 4});
  expect_misfit("the layer of attn.qkv.weight needs activations z [9, 4] and was given [6, 4]",
                [&] { heads.forward(3, x, {}, two, y, one); });
  expect_misfit("the layer of attn.qkv.weight needs weights of copies [2, 3] and was given [2, 4]",
                [&] {
                  const Tensor given({2, 4});
                  heads.forward(2, x, {.heads = {}, .copies = given}, two, y, one);
                });
  const Block::Shape of_block{.attention = shape, .norms = false, .mlp = std::nullopt};
  Block block("blocks.0", of_block);
  Block::Activations for_two(2, of_block, Queries::all);
  expect_misfit("the layer of blocks.0.attn.qkv.weight needs r [12, 4] and was given [9, 4]",
                [&] { block.forward(4, x, {}, for_two, y, one); });
  expect_misfit("the layer of blocks.0.attn.qkv.weight needs dr [6, 4] and was given [3, 4]", [&] {
    Tensor dr({3, 4});
    block.backward(2, x, {}, for_two, y, dr, one);
  });
}

/// A forward pass of 4 sequences into activations, or an output, that have room for 3.
TEST(Fit, AttentionOfTheTargetLooksAtItsBatch) {
  const test::SampleShape shape{.batch = 4, .length = 5, .dimension = 3};
  TokenNorm norm("norm", 3, LabelCode::onehot);
  const test::Sample normed(shape, test::NormEncoder(norm));
  const TargetAttention target("qkv", 5);
  TargetAttention::Activations for_three(3, 5, norm);
  TargetAttention::Activations for_four(4, 5, norm);
  Tensor h({4, 5});
  Tensor h3({3, 5});
  expect_misfit("the layer of qkv.weight needs activations t [4, 5] and was given [3, 5]",
                [&] { target.forward(normed.batch, norm, for_three, h, Attending::learned, one); });
  expect_misfit("the layer of qkv.weight needs h or its gradient [4, 5] and was given [3, 5]",
                [&] { target.forward(normed.batch, norm, for_four, h3, Attending::learned, one); });
  TargetAttention::Activations shorter(4, 4, norm);
  expect_misfit("the layer of qkv.weight needs activations attention [4, 5] and was given [4, 4]",
                [&] { target.forward(normed.batch, norm, shorter, h, Attending::learned, one); });
  const CausalAttention causal("layers.0.qkv", 5, Queries::all);
  CausalAttention::Activations causal_three(3, 5, causal);
  const Tensor x({20, 5});
  Tensor y({20, 5});
  expect_misfit(
      "the layer of layers.0.qkv.weight needs activations q [20, 5] and was given [15, 5]",
      [&] { causal.forward(normed.batch, x, causal_three, y, Attending::learned, one); });
  const test::Sample plain(shape, test::PlainEncoder(3));
  const ScalarAttention scalar(3, LabelCode::onehot);
  ScalarAttention::Activations scalar_three(3, 5, scalar.width(), scalar.row_width());
  expect_misfit("the layer of value.weight needs activations c [4, 5] and was given [3, 5]",
                [&] { scalar.forward(plain.batch, scalar_three, h, Attending::learned, one); });
  const LabelAttention label(3, Self::excluded);
  LabelAttention::Activations label_three(3, 5);
  Tensor z({4});
  expect_misfit("the layer of beta needs activations m [4, 1] and was given [3, 1]",
                [&] { label.forward(plain.batch, label_three, z, Attending::learned, one); });
}

}  // namespace
}  // namespace icl::nn
