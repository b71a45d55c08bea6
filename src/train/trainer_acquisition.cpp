#include "icl/train/trainer.hpp"

namespace icl::train {

void Trainer::keep_before() {
  if (!acquisition_.wants_weights(progress_)) return;
  acquisition_.restore(Earlier{progress_.step, copy_values(readable_), optimizer_->moments()});
}

/// A trainer that goes where it has been, and comes back to where it stands in the end.
class Trainer::Rewound final : public Past {
 public:
  Rewound(Trainer& trainer, const Workers& workers)
      : trainer_(trainer), workers_(workers), last_(trainer.progress_.step) {}
  Rewound(const Rewound&) = delete;
  Rewound& operator=(const Rewound&) = delete;
  ~Rewound() override {
    if (!now_) return;
    trainer_.restore(*now_, Due::open);
    trainer_.fault_.clear();
  }

  [[nodiscard]] bool rewind(std::int64_t step) override {
    workers_.check_interrupt();
    if (!now_) {
      now_ = trainer_.state();
      const Earlier& before = *now_->before;
      trainer_.go_to(before.step, before.parameters, before.moments);
    }
    return trainer_.replay(step);
  }

  [[nodiscard]] bool icl_above(double threshold) override {
    trainer_.evaluator_.attend(trainer_.clamps_in_force());
    return trainer_.evaluator_.is_above(threshold, task::set_in(task::Role::icl), *trainer_.model_,
                                        last_, workers_);
  }

 private:
  Trainer& trainer_;
  Workers workers_;
  std::int64_t last_;  ///< the step of the evaluation at hand
  std::optional<State> now_;
};

void Trainer::look_for_acquisition(const Workers& workers) {
  std::optional<Acquisition::Found> found;
  {
    Rewound past(*this, workers);
    found = acquisition_.look(progress_, evaluation_.on(task::Role::icl).accuracy, past);
  }
  if (!found) return;
  progress_.t_icl_step = found->step;
  progress_.t_icl_refined = found->refined;
}

}  // namespace icl::train
