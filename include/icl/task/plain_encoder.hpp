#pragma once

#include <cstdint>
#include <span>

#include "icl/config/config.hpp"
#include "icl/core/batch.hpp"

namespace icl::task {

/// Tokens as they are, whatever the system: x [D], then the label -1, +1, or 0 for the target.
class PlainEncoder final : public TokenEncoder {
 public:
  explicit PlainEncoder(const config::Config&);
  [[nodiscard]] bool reads_context() const override { return context_; }
  [[nodiscard]] std::int64_t token_width() const override;
  void encode(std::span<const float> item, int label, Real* row) const override;

 private:
  std::int64_t dimension_;
  bool context_;
};

}  // namespace icl::task
