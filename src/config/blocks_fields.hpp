#pragma once

#include <array>

#include "field_access.hpp"

/// \file
/// The rows of [blocks] in the table of fields.

namespace icl::config {

inline constexpr std::int64_t max_heads = 256;

template <auto key>
constexpr auto blocks_choice() {
  return optional_choice<&Config::blocks, key>();
}
template <auto key>
constexpr auto blocks_size(std::int64_t least, std::int64_t most) {
  return OptionalIntegerAccess{member<&Config::blocks, key>(), {least, most}};
}

inline constexpr std::array blocks_fields = {
    Field{"blocks.n_layers", "layers", "Layers of the system blocks, each of attention and an MLP",
          blocks_size<&Blocks::n_layers>(1, max_layers), "2"},
    Field{"blocks.n_heads", "heads", "Heads of attention in each layer",
          blocks_size<&Blocks::n_heads>(1, max_heads), "1"},
    Field{"blocks.d_model", "", "Width of the residual stream",
          blocks_size<&Blocks::d_model>(1, max_size),
          "that of a token, behind its one-hot position"},
    Field{"blocks.d_head", "", "Width of a head: of its queries, keys and values",
          blocks_size<&Blocks::d_head>(1, max_size), "d_model / n_heads"},
    Field{"blocks.read_in", "",
          "How a token becomes a vector of d_model entries: it is one, or by a matrix",
          blocks_choice<&Blocks::read_in>(), "none"},
    Field{
        "blocks.norm", "",
        "Layer norms: none, one of the tokens (input), or before each attention, each MLP and the "
        "readout (pre)",
        blocks_choice<&Blocks::norm>(), "pre"},
    Field{
        "blocks.positions", "",
        "How a token says where it stands: n_ctx entries before its own of which one is 1; "
        "a vector added that is learned, or sines and cosines; or queries and keys turned (rotary)",
        blocks_choice<&Blocks::positions>(), "none"},
    Field{"blocks.n_ctx", "places", "Places that one-hot or learned positions know",
          blocks_size<&Blocks::n_ctx>(2, max_size), "as many as a sequence has tokens"},
    Field{"blocks.shift", "",
          "At which of the n_ctx places a sequence begins: the first (none), or any from which its "
          "tokens fit, drawn anew for each sequence (random)",
          blocks_choice<&Blocks::shift>(), "none"},
    Field{"blocks.attention", "",
          "Weights of attention: the softmax of scores over the tokens up to a token's own, or the "
          "scores over their number (linear)",
          blocks_choice<&Blocks::attention>(), "softmax"},
    Field{"blocks.attn_scale", "",
          "What scores q . k are multiplied by: nothing, or 1/sqrt(d_head)",
          blocks_choice<&Blocks::attn_scale>(), "d_head"},
    Field{"blocks.output", "",
          "What is added to the residual stream: the heads' results side by side, or a matrix W_O "
          "times them",
          blocks_choice<&Blocks::output>(), "linear"},
    Field{"blocks.mlp", "", "Layers that have an MLP: none, all but the last (inner), or every one",
          blocks_choice<&Blocks::mlp>(), "none"},
    Field{"blocks.mlp_layers", "layers", "Matrices of each of these MLPs",
          blocks_size<&Blocks::mlp_layers>(2, 3), "2"},
    Field{"blocks.d_mlp", "units", "Width of their hidden layers",
          blocks_size<&Blocks::d_mlp>(1, max_size), "4 d_model"},
    Field{"blocks.act_fn", "",
          "Their nonlinearity: ReLU, or GELU in its form by a hyperbolic tangent",
          blocks_choice<&Blocks::act_fn>(), "relu"},
    Field{
        "blocks.residual", "",
        "What is added to what it reads: the results of attention and MLP (both), or of attention "
        "alone",
        blocks_choice<&Blocks::residual>(), "both"},
    Field{"blocks.readout", "",
          "What makes the logit of the target's vector: a linear map, or an MLP with two hidden "
          "layers of model.hidden units",
          blocks_choice<&Blocks::readout>(), "mlp"},
};

}  // namespace icl::config
