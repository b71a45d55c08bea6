#include "icl/core/memory.hpp"

#include <malloc.h>
#include <sys/mman.h>

#include <new>

namespace icl {
namespace {

constexpr std::size_t huge_page_bytes = std::size_t{1} << 21U;

std::align_val_t alignment_of(std::size_t bytes) {
  return std::align_val_t{bytes < huge_page_bytes ? cache_line_bytes : huge_page_bytes};
}

}  // namespace

void* allocate(std::size_t bytes) {
  void* const p = ::operator new(bytes, alignment_of(bytes));
  // Advice only: where it is refused, the pages are small ones.
  if (bytes >= huge_page_bytes) madvise(p, bytes, MADV_HUGEPAGE);
  return p;
}

void require_available(std::size_t bytes) {
  void* const p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) throw std::bad_alloc();
  munmap(p, bytes);
}

void return_large_blocks() {
  constexpr int mebibyte = 1 << 20;
  mallopt(M_MMAP_THRESHOLD, mebibyte);
}

void deallocate(void* p, std::size_t bytes) noexcept { ::operator delete(p, alignment_of(bytes)); }

}  // namespace icl
