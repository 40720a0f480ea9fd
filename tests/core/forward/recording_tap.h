// A tap that keeps everything, and checks the order that forward.h promises.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <utility>
#include <vector>

#include "core/forward/forward.h"

namespace deadscope::testing {

// Thread rule: as Tap.
class RecordingTap : public Tap {
public:
    using Key = std::pair<TapPoint, std::size_t>;

    bool wants(TapPoint, std::size_t) const override { return true; }
    void chunk(TapPoint point, std::size_t index, std::size_t first_row, const Backend& backend,
               const Matrix& x) override {
        const Key key{point, index};
        if (open && *open != key) ADD_FAILURE() << "a chunk of another point before all of this one";
        open = key;
        std::vector<double>& rows = values[key];
        EXPECT_FALSE(done.contains(key)) << "a chunk after the point was finished";
        EXPECT_EQ(rows.size(), first_row * x.cols) << "rows out of order";
        const std::size_t before = rows.size();
        rows.resize(before + x.rows * x.cols);
        backend.read(x, std::span(rows).subspan(before));
    }
    bool finished(TapPoint point, std::size_t index) override {
        EXPECT_EQ(open, std::optional(Key(point, index)));
        open.reset();
        done[{point, index}] = true;
        order.emplace_back(point, index);
        return true;
    }

    std::map<Key, std::vector<double>> values;
    std::map<Key, bool> done;
    std::vector<Key> order;
    std::optional<Key> open;
};

}  // namespace deadscope::testing
