#include "icl/task/shift.hpp"

#include "icl/task/frequencies.hpp"

namespace icl::task {

std::int32_t draw_shift(std::int64_t seed, Purpose purpose, std::uint64_t step,
                        std::int64_t sequence, std::int64_t starts) {
  const auto own = derive_seed(seed, static_cast<std::uint32_t>(purpose));
  const Stream stream(static_cast<std::uint64_t>(own), Purpose::shift, step,
                      static_cast<std::uint64_t>(sequence));
  WordReader words(stream);
  return static_cast<std::int32_t>(words.below(static_cast<std::uint32_t>(starts)));
}

}  // namespace icl::task
