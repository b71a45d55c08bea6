#include <array>

#include "icl/probe/probe.hpp"
#include "icl/task/evaluation_set.hpp"

namespace icl::probe {
namespace {

constexpr std::array head_lesion_columns{
    Column{"without_head_icl_loss", "{unit}",
           "lesion: loss on {icl} where this head gives zeros and all else stays", "mean {loss}",
           of_icl, Each::head},
    Column{"without_head_icl_accuracy", "1",
           "lesion: accuracy on {icl} where this head gives zeros and all else stays",
           "share of right answers", of_icl, Each::head, Needs::right_answers},
};

void read_head_lesions(const View& view, std::span<double> values) {
  const std::span<Score> heads = view.of_heads;
  view.surgery.cut_heads(task::set_in(task::Role::icl), heads);
  for (std::size_t i = 0; i < heads.size(); ++i) {
    values[i] = heads[i].loss;
    values[heads.size() + i] = heads[i].accuracy;
  }
}

}  // namespace

const Probe probes::head_lesions{head_lesion_columns, nullptr, read_head_lesions};

}  // namespace icl::probe
