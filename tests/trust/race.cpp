// A data race between the tasks of one parallel loop. ThreadSanitizer must report it: if it does
// not, its silence over the other tests means nothing.
#include <cstdint>
#include <cstdio>

#include "icl/core/parallel.hpp"

int main() {
  std::int64_t sum = 0;
  icl::Workers(2).for_each(1000, [&](std::int64_t i) { sum += i; });
  std::printf("%lld\n", static_cast<long long>(sum));
}
