// See element_range.h.
#include "core/checkpoint/element_range.h"

#include "core/base/error.h"

namespace deadscope {

void check_read(const std::string& file, const TensorInfo& tensor, ElementRange range, std::size_t out) {
    if (!is_readable(tensor.dtype)) {
        throw Error::input("A tensor's dtype is not read in this version",
                           {.file = file,
                            .key = tensor.name,
                            .expected = "F64, F32, F16, BF16, F8 or whole numbers",
                            .found = std::string(dtype_name(tensor.dtype))});
    }
    const bool inside = range.first <= tensor.elements && range.count <= tensor.elements - range.first;
    if (!inside || range.count != out) {
        throw Error::input(
            "A range beyond the end of a tensor was asked for",
            {.file = file,
             .key = tensor.name,
             .expected = std::to_string(tensor.elements) + " elements",
             .found = std::to_string(range.first) + " and " + std::to_string(range.count) + " more"});
    }
}

}  // namespace deadscope
