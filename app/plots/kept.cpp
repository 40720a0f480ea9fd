// See kept.h.
#include "app/plots/kept.h"

namespace deadscope {

std::size_t& made_so_far() {
    static std::size_t made = 0;
    return made;
}

}  // namespace deadscope
