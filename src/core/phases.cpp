#include "icl/core/phases.hpp"

namespace icl {
namespace {

thread_local PhaseScope* innermost = nullptr;

}  // namespace

void PhaseScope::enter() {
  outer_ = innermost;
  innermost = this;
  start_ = Clock::now();
}

void PhaseScope::leave() {
  const auto time = Clock::now() - start_;
  times_->add(phase_, time - inner_);
  innermost = outer_;
  if (outer_ != nullptr) outer_->inner_ += time;
}

}  // namespace icl
