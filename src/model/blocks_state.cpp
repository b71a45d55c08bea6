#include "blocks_state.hpp"

namespace icl::model {

BlocksModel::State::State(std::int64_t batch, const BlocksModel& model, nn::Queries of_last,
                          Storage storage)
    : Activations(batch * model.answers(of_last), storage, model.readout_shape_.out),
      asked(model.answers(of_last)),
      embedding(batch, model.embedding_, storage),
      readout(batch * asked, model.readout_shape_, storage),
      stride(model.layout_.stride()) {
  const config::BlocksShape& s = model.shape_;
  const std::int64_t rows = batch * s.tokens;
  r.reserve(model.blocks_.size());
  blocks.reserve(model.blocks_.size());
  for (std::size_t l = 0; l < model.blocks_.size(); ++l) {
    r.push_back(Tensor({rows, s.d_model}, storage));
    blocks.emplace_back(batch, model.blocks_[l].shape(), model.queries(l, of_last), storage);
  }
  weights.reserve(blocks.size());
  for (const auto& block : blocks) weights.push_back(&block.attention.attention);
  for (Tensor* tensor : {&last, &dlast, &h, &dh}) {
    *tensor = Tensor({batch * asked, s.d_model}, storage);
  }
  const bool labels_between = of_last == nn::Queries::all && asked != s.tokens;
  for (Tensor* tensor : {&all, &dall}) {
    if (labels_between) *tensor = Tensor({rows, s.d_model}, storage);
  }
  for (Tensor* tensor : {&dr, &dr_below}) *tensor = Tensor({rows, s.d_model}, storage);
  looks.assign(blocks.size(),
               std::vector(static_cast<std::size_t>(s.n_heads), nn::Attending::learned));
  copies = Tensor({batch, s.tokens}, storage);
  target_attention = Tensor({batch, model.layout_.items()}, storage);
  if (model.final_norm_) final_norm.emplace(batch * asked, s.d_model, storage);
  name_tensors();
}

void BlocksModel::State::name_tensors() {
  for (std::size_t l = 0; l < blocks.size(); ++l) {
    const auto name = [&](const std::string& what, const Tensor& tensor) {
      if (!tensor.shape().empty()) {
        named.emplace_back("layer " + std::to_string(l) + ' ' + what, &tensor);
      }
    };
    name("tokens", r[l]);
    name("attention", blocks[l].attention.attention);
    name("attended values", blocks[l].attention.z);
    if (!blocks[l].mlp) continue;
    name("mlp hidden 1", blocks[l].mlp->h1);
    name("mlp hidden 2", blocks[l].mlp->h2);
  }
  named.emplace_back("attention", &target_attention);
  named.emplace_back("mlp input", final_norm ? &h : &last);
  if (!readout.h1.shape().empty()) {
    named.emplace_back("mlp hidden 1", &readout.h1);
    named.emplace_back("mlp hidden 2", &readout.h2);
  }
  named.emplace_back("logits", &logits);
}

}  // namespace icl::model
