// Views of a matrix; see backend.h.
#include <cassert>

#include "core/backend/backend.h"

namespace deadscope {

Matrix Matrix::columns(std::size_t first, std::size_t count) const {
    assert(first + count <= cols);
    return {storage, rows, count, stride, offset + first};
}

Matrix Matrix::row_range(std::size_t first, std::size_t count) const {
    assert(first + count <= rows);
    return {storage, count, cols, stride, offset + first * stride};
}

}  // namespace deadscope
