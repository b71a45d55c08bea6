#include "icl/model/description.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "icl/config/system.hpp"
#include "icl/model/model.hpp"

namespace icl::model {
namespace {

struct Words {
  config::System system;
  std::string_view title;
  std::string_view source;
  std::string_view input;
  std::string_view forward;
};

constexpr std::string_view second_version = "Nguyen & Reddy 2024, arXiv:2412.00104";
constexpr std::string_view labelled_token =
    "token j = (x_j, label code), X numbers: x_j the item's D numbers, then with data.label_code = "
    "onehot (1, 0) for the label -1 and (0, 1) for +1, with scalar the label itself; the target, "
    "token N, the last, has zeros there";
constexpr std::string_view interleaved_token =
    "token j = (x_j, label code), X numbers: x_j the item's D numbers, then with data.label_code = "
    "onehot (1, 0) for the label -1 and (0, 1) for +1, with scalar the label itself, and zeros for "
    "the target, the last; with data.layout = interleaved two tokens in its place, (x_j, zeros) "
    "and "
    "(zeros, label code), and (x_N, zeros) for the target: N tokens, or 2N - 1";
constexpr std::string_view bare_item =
    "x_j, the D numbers of item j, and the labels l_j = -1 or +1 "
    "of the context; the target, x_N, is the last";

constexpr std::array words{
    Words{config::System::one_layer, "S1, the one-layer transformer", second_version,
          labelled_token,
          "t_j = LayerNorm(token j): ((token - mean) / sqrt(biased variance + 1e-5)) * g + b; "
          "q = W_q t_N; k_j = W_k t_j; v_j = W_v t_j; a_j = softmax over all N tokens, the target "
          "among them, of q . k_j: no division by sqrt(X), no mask, no position code, one head, no "
          "bias; h = t_N + sum_j a_j v_j; z = W3 relu(W2 relu(W1 h + b1) + b2) + b3: no residual "
          "around the MLP"},
    Words{
        config::System::multi_layer, "S2, the transformer of L layers", second_version,
        labelled_token,
        "t_j = LayerNorm(token j): ((token - mean) / sqrt(biased variance + 1e-5)) * g + b, once; "
        "then in each of the layers 0 to L-2, for every token i: y_i = t_i + sum_(j <= i) a_ij "
        "v_j, a_ij = softmax over j <= i of q_i . k_j, with q, k, v = W_q t, W_k t, W_v t (no "
        "division by sqrt(X), no position code, one head, no bias), and t_i = W3 relu(W2 relu(W1 "
        "y_i + b1) + b2) + b3, without residual; in layer L-1 only the target attends, over all N "
        "tokens: h = t_N + sum_j a_j v_j; z = W3 relu(W2 relu(W1 h + b1) + b2) + b3 with the "
        "output MLP"},
    Words{config::System::scalar_beta,
          "the system between S1 and S3: one number beta in place of W_q and W_k",
          "Nguyen & Reddy 2024, arXiv:2412.00104v1", labelled_token,
          "t_j = token j, without layer norm; a_j = softmax over all N tokens, the target among "
          "them, of beta x_N . x_j; h = t_N + W_v sum_j a_j t_j; z = W3 relu(W2 relu(W1 h + b1) + "
          "b2) + b3"},
    Words{config::System::minimal, "S3, the minimal model", second_version, bare_item,
          "a_j = softmax of beta x_N . x_j over the N-1 tokens of the context (with "
          "model.attend_self over the target too, whose label counts as 0); z = W3 relu(W2 "
          "relu(W1 x_N + b1) + b2) + b3 + w sum_j a_j l_j"},
    Words{config::System::memoriser, "S4, the memoriser", second_version,
          "x_N, the D numbers of the target; it reads no context",
          "z = W3 relu(W2 relu(W1 x_N + b1) + b2) + b3"},
    Words{
        config::System::blocks, "the transformer that [blocks] describes",
        "names of keys as in TransformerLens", interleaved_token,
        "e_j = token j, or its layer norm with norm = input, behind n_ctx entries of which entry j "
        "is 1 with positions = onehot; r_j = e_j, or embed.read_in e_j; r_j += row j of "
        "embed.positions with positions = learned, or with sinusoidal in entries 2i and 2i+1 the "
        "sine and cosine of (j-1) 10000^(-2i/d_model); in each layer r_i += the heads' results, or "
        "output times them: z_i = sum over j <= i of a_ij v_j, a_ij = the softmax over j <= i of "
        "s_ij, or s_ij/i with attention = linear, s_ij = q_i . k_j, over sqrt(d_head) with "
        "attn_scale = d_head, with q, k, v = the rows W_q, W_k, W_v of qkv, d_head of each head, "
        "times r, or times its layer norm ln1 with norm = pre; with positions = rotary entries i "
        "and i + d_head/2 of q and k are turned by the angle (j-1) 10000^(-2i/d_head); then in "
        "layers with an MLP r = r + mlp(r), or mlp(r) with residual = attention, of ln2(r) with "
        "norm = pre; in the last layer only the target; z = mlp(r_N), or of ln_final(r_N) with "
        "norm = pre"},
};
static_assert(std::ranges::equal(words, config::systems, {}, &Words::system,
                                 &config::SystemRow::system));

constexpr const char* output =
    "P(label of the target = +1) = 1 / (1 + exp(-z)); loss = mean over a batch of log(1 + exp(-y "
    "z)), y the label -1 or +1; accuracy = share of sequences with y z > 0";
constexpr const char* initial =
    "matrices and biases uniform in +-1/sqrt(columns), as torch.nn.Linear; gain 1 and bias 0 of "
    "the "
    "layer norm; beta from N(0, 1) or model.beta0, w model.w0; init.beta0 then shifts W_q";

/// The role of a parameter of an MLP by the end of its name.
std::string role_in_mlp(std::string_view name) {
  struct Row {
    std::string_view end;
    std::string_view role;
  };
  static constexpr std::array rows{Row{"0.weight", "W1 [H, inputs]"},  Row{"0.bias", "b1"},
                                   Row{"2.weight", "W2 [H, H]"},       Row{"2.bias", "b2"},
                                   Row{"4.weight", "W3 [outputs, H]"}, Row{"4.bias", "b3"}};
  const auto* const row =
      std::ranges::find_if(rows, [&](const Row& r) { return name.ends_with(r.end); });
  return row == rows.end() ? std::string() : std::string(row->role);
}

/// That of a parameter of a layer of the system blocks, or of one of its norms.
std::string role_in_block(std::string_view name) {
  const std::size_t first = std::string_view("blocks.").size();
  const std::string layer =
      name.starts_with("blocks.")
          ? " of layer " + std::string(name.substr(first, name.find('.', first) - first))
          : "";
  if (name.ends_with("qkv.weight")) return "W_q, W_k and W_v, in three equal parts of rows" + layer;
  if (name.ends_with("output.weight")) return "W_O" + layer;
  if (name.find(".mlp.") != std::string_view::npos)
    return role_in_mlp(name) + " of the MLP" + layer;
  return (name.ends_with("bias") ? "bias of the layer norm" : "gain of the layer norm") + layer;
}

std::string role_of(std::string_view name) {
  if (name == "embed.read_in.weight") return "W_E, from an input to d_model entries";
  if (name == "embed.positions.weight") return "the vector of each place";
  if (name.starts_with("blocks.") || name.starts_with("ln_") || name.starts_with("embed.")) {
    return role_in_block(name);
  }
  if (name == "to_embedding.0.weight") return "gain g of the layer norm";
  if (name == "to_embedding.0.bias") return "bias b of the layer norm";
  if (name == "w") return "weight of the attention path";
  if (name == "beta") return "inverse temperature of attention";
  if (name == "value.weight") return "W_v [X, X]";
  const std::size_t first = std::string_view("layers.").size();
  const bool in_layer = name.starts_with("layers.");
  const std::string layer =
      in_layer ? " of layer " + std::string(name.substr(first, name.find('.', first) - first)) : "";
  if (name.ends_with("qkv.weight")) {
    return "W_q, W_k and W_v, in rows 0:X, X:2X and 2X:3X" + layer;
  }
  return role_in_mlp(name) + (in_layer ? " of the MLP" + layer : " of the output MLP");
}

}  // namespace

Description describe(const config::Config& config) {
  const config::Capabilities& has = config::row_of(config.model.system).has;
  const Words& row = words.at(static_cast<std::size_t>(config.model.system));
  Description out;
  out.system = row.title;
  out.source = row.source;
  out.input = row.input;
  out.forward = row.forward;
  out.output = output;
  out.initial = initial;
  const auto model = describe_model(config);
  out.sizes = {
      {"N", has.context ? config.data.N : 1}, {"D", config.data.D}, {"H", config.model.hidden}};
  if (has.mixes_paths) {
    out.sizes.emplace_back(
        "X", config.data.D + (config.data.label_code == config::LabelCode::scalar ? 1 : 2));
  }
  if (has.blocks) {
    const config::BlocksShape s = config::blocks_shape(config);
    for (const auto& [name, size] : {std::pair("d_model", s.d_model), std::pair("d_head", s.d_head),
                                     std::pair("n_heads", s.n_heads), std::pair("L", s.n_layers)}) {
      out.sizes.emplace_back(name, size);
    }
  }
  if (has.layers) out.sizes.emplace_back("L", config.model.layers);
  for (const nn::Parameter* p : model->parameters()) {
    out.parameters.push_back(
        {p->name, p->group == nn::Group::attention ? "attention" : "memoriser", role_of(p->name)});
  }
  return out;
}

}  // namespace icl::model
