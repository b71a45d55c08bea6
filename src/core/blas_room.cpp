#include "icl/core/blas_room.hpp"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "icl/core/error.hpp"
#include "icl/core/gemm.hpp"
#include "icl/core/parallel.hpp"

namespace icl {
namespace {

constexpr double mebibyte = 1 << 20U;
constexpr long blas_mebibytes = 128;  // OpenBLAS's BUFFER_SIZE on x86-64, 0.3.21 to 0.3.29
constexpr long stack_mebibytes = 8;   // of a thread
constexpr long heap_mebibytes = 64;   // glibc's, of a thread
constexpr long start_mebibytes = 16;  // what else is mapped until main()

/// The threads that OpenBLAS's openmp build makes room for at the start: as many as the machine has
/// CPUs, whatever the affinity of this process, or as OMP_NUM_THREADS says.
long most_threads_at_start(char** environment) {
  long threads = std::max(sysconf(_SC_NPROCESSORS_CONF), 1L);
  constexpr std::string_view name = "OMP_NUM_THREADS=";
  for (char** entry = environment; entry != nullptr && *entry != nullptr; ++entry) {
    if (std::strncmp(*entry, name.data(), name.size()) != 0) continue;
    const long wanted = std::strtol(*entry + name.size(), nullptr, 10);
    if (wanted > 0) threads = std::min(threads, wanted);
  }
  return std::min<long>(threads, Workers::max_threads);
}

/// Whether so many bytes of address space can be had now; none always can.
__attribute__((no_sanitize("address", "thread", "undefined"))) bool is_there(unsigned long bytes) {
  if (bytes == 0) return true;
  const long room =
      syscall(SYS_mmap, 0L, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1L, 0L);
  if (room == -1) return false;
  syscall(SYS_munmap, room, bytes);
  return true;
}

/// What OpenBLAS maps beside what it mapped at the start, when so many threads call it.
long more_mebibytes(int threads) {
  return std::max(0, threads + 1 - blas_threads_at_start()) * blas_mebibytes;
}

/// Runs before all constructors, those of OpenBLAS (in whatever library) and of sanitizers among
/// them: so it calls the kernel directly.
__attribute__((no_sanitize("address", "thread", "undefined"))) void require_room_at_start(
    int /*argc*/, char** /*argv*/, char** environment) {
  const long threads = most_threads_at_start(environment);  // getenv() knows nothing yet
  const long mebibytes = threads * blas_mebibytes + start_mebibytes;
  if (is_there(static_cast<unsigned long>(mebibytes) << 20U)) return;
  std::array<char, 512> text{};
  const int length = std::snprintf(
      text.data(), text.size(),
      "icl: OpenBLAS takes %ld MiB of address space at the start, %ld MiB for each of %ld threads, "
      "and there is less (ulimit -v, ulimit -d, or the machine's limit of what may be "
      "promised)%s\n",
      mebibytes, blas_mebibytes, threads, threads > 1 ? "; OMP_NUM_THREADS=1 needs less" : "");
  syscall(SYS_write, STDERR_FILENO, text.data(), static_cast<unsigned long>(length));
  syscall(SYS_exit_group, static_cast<long>(ExitCode::resources));
}

__attribute__((section(".preinit_array"),
               used)) void (*const room_at_start)(int, char**, char**) = require_room_at_start;

}  // namespace

double address_space_of_threads(int threads) {
  return mebibyte * static_cast<double>(more_mebibytes(threads) +
                                        (threads - 1) * (stack_mebibytes + heap_mebibytes));
}

bool has_room_of_threads(int threads) {
  return is_there(static_cast<unsigned long>(address_space_of_threads(threads)));
}

void require_room_of_threads(int threads) {
  static std::atomic<int> granted{0};  // what was taken since is no longer there
  if (threads <= granted) return;
  const long mebibytes = more_mebibytes(threads);
  if (is_there(static_cast<unsigned long>(mebibytes) << 20U)) {
    granted = threads;
    return;
  }
  throw Error(ExitCode::resources,
              "OpenBLAS takes up to " + std::to_string(mebibytes) +
                  " MiB more of address space for " + std::to_string(threads) +
                  (threads == 1 ? " thread" : " threads") +
                  ", and there is less (ulimit -v, ulimit -d, or the machine's limit of what may "
                  "be promised)" +
                  (threads > 1 ? "; fewer --threads need less" : ""));
}

}  // namespace icl
