#include "icl/model/description.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "icl/config/system.hpp"
#include "icl/model/model.hpp"
#include "icl/model/system.hpp"

namespace icl::model {
namespace {

constexpr const char* output =
    "P(label of the target = +1) = 1 / (1 + exp(-z)); loss = mean over a batch of log(1 + exp(-y "
    "z)), y the label -1 or +1; accuracy = share of sequences with y z > 0";
constexpr std::string_view token_of_labels =
    "token j = (x_j, label code), X numbers: x_j the item's D numbers, then with "
    "data.label_vectors = onehot data.label_count numbers of which number l is 1 for the label l = "
    "1, 2, ..., with gaussian row l of embed.labels, the first being row 1; zeros for the target, "
    "the last; with data.layout = interleaved two tokens in its place, (x_j, zeros) and (zeros, "
    "label code), or with gaussian x_j and the label's row alone, and that of x_N for the target: "
    "N tokens, or 2N - 1";
constexpr std::string_view output_of_labels =
    "z has data.label_count entries; P(label of the target = l) = exp(z_l) / sum over m of "
    "exp(z_m); loss = mean over a batch of -log P(the target's label); accuracy = share of "
    "sequences whose greatest entry of z is the label's";
/// Behind what is said of the loss, where training asks for more.
constexpr std::string_view every_item =
    "; in training all tokens go through the last layer, and the loss is the mean over a batch and "
    "over j = 1, ..., N of the same, of what follows from r of the token of x_j as z from r_N, and "
    "of the label or y that belongs to x_j";
constexpr std::string_view every_symbol =
    "; in training all tokens go through the last layer, and the loss is the mean over a batch and "
    "over j = 1, ..., N of the same, of what follows from r_j as z from r_N, and of the symbol "
    "that comes after s_j";
constexpr std::string_view initial_labels = "; embed.labels, which is not trained, from N(0, 1/D)";
constexpr const char* initial =
    "matrices and biases uniform in +-1/sqrt(columns), as torch.nn.Linear; gain 1 and bias 0 of "
    "the "
    "layer norm; beta from N(0, 1) or model.beta0, w model.w0; init.beta0 then shifts W_q";

/// The role of a parameter of an MLP by the end of its name, and whose it is; empty for another
/// name, as below: a test asks that no parameter of any system is without a role.
std::string role_in_mlp(std::string_view name, const std::string& whose) {
  struct Row {
    std::string_view end;
    std::string_view role;
  };
  static constexpr std::array rows{Row{"0.weight", "W1 [H, inputs]"},  Row{"0.bias", "b1"},
                                   Row{"2.weight", "W2 [H, H]"},       Row{"2.bias", "b2"},
                                   Row{"4.weight", "W3 [outputs, H]"}, Row{"4.bias", "b3"}};
  const auto* const row =
      std::ranges::find_if(rows, [&](const Row& r) { return name.ends_with(r.end); });
  return row == rows.end() ? std::string() : std::string(row->role) + whose;
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
  if (name.find(".mlp.") != std::string_view::npos) return role_in_mlp(name, " of the MLP" + layer);
  const bool norm = name.starts_with("ln_") || name.starts_with("embed.norm.") ||
                    name.find(".ln") != std::string_view::npos;
  if (!norm) return "";
  return (name.ends_with("bias") ? "bias of the layer norm" : "gain of the layer norm") + layer;
}

std::string role_of(std::string_view name) {
  if (name == "embed.labels.weight") return "the vector of each label; not trained";
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
  return role_in_mlp(name, in_layer ? " of the MLP" + layer : " of the output MLP");
}

}  // namespace

Description describe(const config::Config& config) {
  const config::Capabilities& has = config::row_of(config.model.system).has;
  const SystemDefinition& definition = definition_of(config.model.system);
  Description out;
  out.system = definition.title;
  out.source = definition.source;
  out.input = definition.input;
  if (config::starts(config) > 1) {
    out.input +=
        "; with blocks.shift = random a sequence begins at a place of its own, so that j of "
        "a position counts from there";
  }
  out.forward = definition.forward;
  out.output = output;
  out.initial = initial;
  if (config.data.label_count) {
    out.input = token_of_labels;
    out.output = output_of_labels;
    if (config.data.label_vectors == config::LabelVectors::gaussian) out.initial += initial_labels;
  }
  const config::TaskRow& task = config::row_of(config::task_of(config));
  if (!task.input.empty()) {
    out.input = task.input;
    out.output = task.output;
  }
  if (config::loss_at(config) == config::LossAt::every) {
    out.output += task.symbols ? every_symbol : every_item;
    if (config::row_of(config::asked_of(config).loss).judges) out.output += "; accuracy likewise";
  }
  const auto model = describe_model(config);
  out.sizes = {{"N", has.context ? config.data.N : 1},
               {"D", config.data.D},
               {"H", config.model.hidden},
               {"outputs", config::asked_of(config).outputs}};
  if (has.mixes_paths) {
    const std::int64_t two_labels = config.data.label_code == config::LabelCode::scalar ? 1 : 2;
    out.sizes.emplace_back(
        "X", has.blocks ? config::blocks_shape(config).token : config.data.D + two_labels);
    out.sizes.emplace_back("label_entries", task.label_entries(config));
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
