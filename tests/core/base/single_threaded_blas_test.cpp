// OpenBLAS's threads, held back and put back.
#include "core/base/single_threaded_blas.h"

#include <cblas.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace deadscope::testing {
namespace {

TEST(SingleThreadedBlas, PutsBackWhatTheFirstFound) {
    const int before = openblas_get_num_threads();
    openblas_set_num_threads(2);
    {
        const SingleThreadedBlas first;
        EXPECT_EQ(openblas_get_num_threads(), 1);
        {
            const SingleThreadedBlas second;
            EXPECT_EQ(openblas_get_num_threads(), 1);
        }
        EXPECT_EQ(openblas_get_num_threads(), 1);
    }
    EXPECT_EQ(openblas_get_num_threads(), 2);
    openblas_set_num_threads(before);
}

TEST(SingleThreadedBlas, IdleThreadsSleepSoon) {
    ASSERT_NE(std::getenv("OPENBLAS_THREAD_TIMEOUT"), nullptr);
}

}  // namespace
}  // namespace deadscope::testing
