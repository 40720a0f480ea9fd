// A block's mixture of experts over all tokens: routed first, then expert by expert, so that the weights of
// one expert at a time are in memory and each is read once.
#pragma once

#include "core/forward/mlp_part.h"

namespace deadscope {

// Thread rule: one thread.
class Mixture {
public:
    explicit Mixture(Pass& pass) : pass_(pass), network_(pass) {}

    // delta [tokens, d] becomes the mixture's output for the rows x, normed by `norm` where there is one; at
    // most `piece` rows at a time.
    bool run(const ExpertsSpec& spec, const Matrix& x, const LoadedNorm& norm, std::size_t piece, Share share,
             Matrix delta);

private:
    struct Rows {  // of the tokens that go to one expert
        std::vector<std::int32_t> rows;
        std::vector<double> weights;
    };

    bool route(const ExpertsSpec& spec, const Matrix& x, const LoadedNorm& norm, Share share);
    bool run_expert(const Rows& rows, const Matrix& x, const LoadedNorm& norm, Share share, Matrix delta);
    bool run_shared(const ExpertsSpec& spec, const Matrix& x, const LoadedNorm& norm, Share share,
                    Matrix delta);

    Pass& pass_;
    MlpPart network_;
    std::size_t piece_ = 0;
    std::vector<Rows> routed_;  // [experts]
    LoadedNorm shared_out_;
    Matrix gathered_, normed_, made_;  // slots, [piece, d]
};

}  // namespace deadscope
