#pragma once

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <new>
#include <span>

#include "icl/core/memory.hpp"
#include "icl/core/real.hpp"

namespace icl {

/// Where the values of tensors lie: in memory of their own or, to describe what would be too large,
/// nowhere. A tensor on paper has a shape, and no values; its bytes are added up.
class Storage {
 public:
  Storage() = default;  ///< in memory
  /// `bytes`, unless it is nullptr, grows by what each tensor would take.
  [[nodiscard]] static Storage on_paper(double* bytes = nullptr) { return Storage(true, bytes); }

  [[nodiscard]] bool is_on_paper() const { return on_paper_; }
  void add(double bytes) const {
    if (bytes_ != nullptr) *bytes_ += bytes;
  }

 private:
  Storage(bool on_paper, double* bytes) : on_paper_(on_paper), bytes_(bytes) {}

  bool on_paper_ = false;
  double* bytes_ = nullptr;
};

/// An owning dense row-major array of rank 0 to 4, zero-initialised, aligned to a cache line; large
/// ones lie in huge pages.
///
/// Moves are cheap and copies are explicit (`clone`), since a tensor may be a table of a million
/// items. Indices are checked by assertions only.
template <class T>
class BasicTensor {
 public:
  static constexpr std::size_t max_rank = 4;
  static constexpr std::size_t alignment = cache_line_bytes;

  BasicTensor() = default;
  /// BasicTensor({rows, columns}): every extent must be >= 0. Throws std::bad_alloc.
  explicit BasicTensor(  // NOLINT(google-explicit-constructor): a list of extents is no tensor
      std::initializer_list<std::int64_t> shape, Storage storage = {})
      : BasicTensor(std::span(shape.begin(), shape.size()), storage) {}
  explicit BasicTensor(std::span<const std::int64_t> shape, Storage storage = {})
      : rank_(shape.size()) {
    assert(rank_ <= max_rank);
    std::copy(shape.begin(), shape.end(), shape_.begin());
    double bytes = sizeof(T);
    for (const std::int64_t extent : shape) bytes *= static_cast<double>(extent);
    if (storage.is_on_paper()) {
      storage.add(bytes);
      return;
    }
    constexpr double most = 0x1p62;  // bytes that std::size_t can count
    if (bytes > most) throw std::bad_alloc();
    size_ = bytes > 0 ? 1 : 0;
    for (const std::int64_t extent : shape) size_ *= static_cast<std::size_t>(extent);
    if (size_ == 0) return;
    data_ = {static_cast<T*>(allocate(size_ * sizeof(T))), Free{size_ * sizeof(T)}};
    std::fill_n(data_.get(), size_, T{});
  }

  [[nodiscard]] BasicTensor clone() const {
    BasicTensor copy(shape());
    std::copy_n(data(), size_, copy.data());
    return copy;
  }

  [[nodiscard]] std::span<const std::int64_t> shape() const { return {shape_.data(), rank_}; }
  [[nodiscard]] std::int64_t extent(std::size_t axis) const {
    assert(axis < rank_);
    return shape_[axis];
  }
  /// The number of values; 0 on paper.
  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(size_); }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] T* data() { return data_.get(); }
  [[nodiscard]] const T* data() const { return data_.get(); }
  [[nodiscard]] std::span<T> values() { return {data(), size_}; }
  [[nodiscard]] std::span<const T> values() const { return {data(), size_}; }

  /// Element i in storage order.
  [[nodiscard]] T& operator[](std::int64_t i) {
    assert(i >= 0 && i < size());
    return data_.get()[i];
  }
  [[nodiscard]] const T& operator[](std::int64_t i) const {
    assert(i >= 0 && i < size());
    return data_.get()[i];
  }

  /// The i-th slice along the first axis: for a matrix its row i.
  [[nodiscard]] T* row(std::int64_t i) { return data() + offset(i); }
  [[nodiscard]] const T* row(std::int64_t i) const { return data() + offset(i); }

 private:
  [[nodiscard]] std::int64_t offset(std::int64_t i) const {
    assert(rank_ >= 1 && i >= 0 && i < shape_[0]);
    return i * (size() / shape_[0]);
  }

  struct Free {
    std::size_t bytes = 0;
    void operator()(T* p) const { deallocate(p, bytes); }
  };
  std::array<std::int64_t, max_rank> shape_{};
  std::size_t rank_ = 0;
  std::size_t size_ = 0;
  std::unique_ptr<T, Free> data_;
};

using Tensor = BasicTensor<Real>;

}  // namespace icl
