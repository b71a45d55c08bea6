#include "icl/task/task.hpp"

#include "icl/task/fresh_item.hpp"
#include "scratch.hpp"

namespace icl::task {

Batch room_for(const BatchShape& shape, std::int64_t capacity, Storage storage) {
  const std::int64_t length = shape.length;
  Batch batch;
  batch.length = length;
  batch.items = BasicTensor<std::int32_t>({capacity, length}, storage);
  batch.answer = BasicTensor<Label>({capacity}, storage);
  batch.copy = BasicTensor<std::uint8_t>({capacity, length - 1}, storage);
  if (shape.shifted) batch.shift = BasicTensor<std::int32_t>({capacity}, storage);
  if (shape.own_tokens) {
    batch.fresh = {
        {Tensor({capacity * (length - 1), shape.width}, storage),
         Tensor({capacity, shape.width}, storage)},
        BasicTensor<Label>({capacity, length - 1}, storage),
        BasicTensor<float>({scratch_rows(capacity), fresh_item_room(shape.dimension)}, storage),
        BasicTensor<std::int32_t>({capacity, length}, storage)};
  }
  return batch;
}

}  // namespace icl::task
