#include "icl/task/fresh_item.hpp"

#include <cmath>

#include "icl/core/random_loops.hpp"

namespace icl::task {

void draw_fresh_items(std::int64_t seed, Purpose purpose, std::uint64_t step, std::uint64_t index,
                      std::int64_t count, std::int64_t dimension, float* x) {
  const RandomLoops& loops = in_force(avx2::random_loops, avx512::random_loops);
  loops.normals({{0, static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(step),
                  static_cast<std::uint32_t>(purpose)},
                 static_cast<std::uint64_t>(seed)},
                static_cast<std::size_t>(count), 1.0F / std::sqrt(static_cast<float>(dimension)),
                {x, static_cast<std::size_t>(count * fresh_item_room(dimension))});
}

}  // namespace icl::task
