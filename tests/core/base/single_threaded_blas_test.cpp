// How many threads OpenBLAS works with: one, unless a scope asks for several and none
// forbids it.
#include "core/base/single_threaded_blas.h"

#include <cblas.h>
#include <gtest/gtest.h>

namespace deadscope {
namespace {

TEST(BlasThreads, AreOneUnlessAskedFor) {
    {
        const SingleThreadedBlas single;
        EXPECT_EQ(blas_threads(), 1);
    }
    EXPECT_EQ(blas_threads(), 1);
    bound_blas_threads(3);
    {
        const ThreadedBlas several;
        EXPECT_EQ(blas_threads(), 3);
        {
            const SingleThreadedBlas single;
            EXPECT_EQ(blas_threads(), 1);
            const ThreadedBlas inside;
            EXPECT_EQ(blas_threads(), 1) << "held back by the scope around it";
        }
        EXPECT_EQ(blas_threads(), 3);
        bound_blas_threads(2);
        EXPECT_EQ(blas_threads(), 2);
    }
    EXPECT_EQ(blas_threads(), 1);
    bound_blas_threads(0);
    const ThreadedBlas several;
    EXPECT_EQ(blas_threads(), 1) << "at least the caller's";
    bound_blas_threads(openblas_get_num_procs());
}

}  // namespace
}  // namespace deadscope
