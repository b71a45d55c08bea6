#include <array>

#include "icl/probe/probe.hpp"
#include "icl/task/evaluation_set.hpp"

namespace icl::probe {
namespace {

constexpr std::array lesion_columns{
    Column{"uniform_icl_loss", "nat", "lesion: loss on novel items with uniform attention",
           "mean {loss}", of_icl},
    Column{"uniform_icl_accuracy", "1", "lesion: accuracy on novel items with uniform attention",
           "share of right answers", of_icl},
    Column{"uniform_iwl_loss", "nat", "lesion: loss on training items with uniform attention",
           "mean {loss}", of_icl},
    Column{"uniform_iwl_accuracy", "1", "lesion: accuracy on training items with uniform attention",
           "share of right answers", of_icl},
    Column{"no_attention_icl_loss", "nat", "lesion: loss on novel items without the attention term",
           "mean {loss}", of_icl},
    Column{"no_attention_icl_accuracy", "1",
           "lesion: accuracy on novel items without the attention term", "share of right answers",
           of_icl},
    Column{"no_attention_iwl_loss", "nat",
           "lesion: loss on training items without the attention term", "mean {loss}", of_icl},
    Column{"no_attention_iwl_accuracy", "1",
           "lesion: accuracy on training items without the attention term",
           "share of right answers", of_icl},
    Column{"novel_margin_deviation", "nat",
           "spread over novel items of the margin without the attention term",
           "standard deviation of {margin}", of_icl},
    Column{"clamped_icl_loss", "nat",
           "lesion: loss on novel items with attention clamped to the copy", "mean {loss}", of_icl},
    Column{"clamped_icl_accuracy", "1",
           "lesion: accuracy on novel items with attention clamped to the copy",
           "share of right answers", of_icl},
};

void read_lesions(const View& view, std::span<double> values) {
  using enum nn::Attending;
  std::array<Cut, 3> novel;
  view.surgery.cut(task::set_in(task::Role::icl), std::array{uniform, none, copy}, novel);
  std::array<Cut, 2> training;
  view.surgery.cut(task::set_in(task::Role::iwl), std::array{uniform, none}, training);
  write(novel[0].score, values);
  write(training[0].score, values.subspan(2));
  write(novel[1].score, values.subspan(4));
  write(training[1].score, values.subspan(6));
  values[8] = novel[1].margin.deviation;
  write(novel[2].score, values.subspan(9));
}

}  // namespace

const Probe probes::lesions{lesion_columns, nullptr, read_lesions};

}  // namespace icl::probe
