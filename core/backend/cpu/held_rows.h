// A weight that the CPU backend leaves where it is stored.
#pragma once

#include <memory>
#include <utility>

#include "core/backend/backend.h"

namespace deadscope::cpu {

// Rows that stay in their file; offset and stride of a matrix say which. Thread rule: immutable.
class HeldRows final : public Storage {
public:
    explicit HeldRows(std::shared_ptr<const StoredRows> the_rows) : rows(std::move(the_rows)) {}
    ~HeldRows() override { rows->release(); }
    HeldRows(const HeldRows&) = delete;
    HeldRows& operator=(const HeldRows&) = delete;
    const std::shared_ptr<const StoredRows> rows;
};

}  // namespace deadscope::cpu
