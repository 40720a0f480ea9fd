// Makes the parts of one plan from a family's data, with every tensor checked. Attention, MLP, and inputs and
// head each have their own file, plan_*.cpp.
#pragma once

#include "core/model/family.h"
#include "core/model/plan.h"

namespace deadscope {

inline constexpr Initialiser zero_init{Initialiser::Kind::constant, 0.0, 0.0};
inline constexpr Initialiser one_init{Initialiser::Kind::constant, 1.0, 0.0};

// Thread rule: local to make_plan(); the family must outlive it.
class PlanBuilder {
public:
    explicit PlanBuilder(const Family& family);
    Plan build() const;

private:
    // Rows of a tensor that holds several maps, or several matrices of them.
    struct Slice {
        std::int64_t rows = 0;  // of the whole tensor; 0: as many as the map gives out
        std::int64_t first = 0, group_rows = 0, group_stride = 0;
        std::int64_t matrices = 0, matrix = 0;  // 0: the tensor is one matrix
    };
    // What one block's parts are made with.
    struct Block {
        std::int64_t number;
        const ConfigValues& values;
        const BlockData& data;
        const BlockNorms& norms;
        const std::optional<NormSpec>& layer_inputs;  // the family's norm of them
    };

    BlockSpec block(std::int64_t number, const FamilyNorms& all) const;
    // `name`: with all prefixes. The part of `out` rows that `slice` says.
    LinearSpec linear(const LinearData& data, const std::string& name, const ConfigValues& values,
                      std::int64_t in, std::int64_t out, Slice slice) const;
    LinearSpec linear(const LinearData& data, const Block& block, std::int64_t in, std::int64_t out) const;
    LinearSpec linear(const LinearData& data, const Block& block, std::int64_t in, std::int64_t out,
                      Slice slice) const;
    WeightRef vector(const std::string& name, const Block& block, std::int64_t size,
                     const Initialiser& init) const;  // empty where the name is

    AttentionSpec attention(const Block& block) const;
    void queries_keys_values(const Block& block, const HeadSizes& sizes, AttentionSpec& out) const;
    LatentSpec latent(const Block& block, const HeadSizes& sizes, AttentionSpec& out) const;
    DisentangledSpec disentangled(const Block& block, const HeadSizes& sizes) const;
    RotarySpec rotary(const Block& block, const HeadSizes& sizes, double& yarn_scale) const;
    std::vector<double> factors_in_file(const std::string& tensor) const;
    std::vector<double> numbers_in_file(const std::string& tensor) const;

    MlpSpec mlp(const MlpData& data, const Block& block) const;
    // A single expert of tensors that hold all, or of its own ("{e}").
    MlpSpec expert(const ExpertsData& data, const Block& block, std::int64_t number,
                   std::int64_t count) const;
    MlpSpec mlp_maps(const MlpData& data, const Block& block, const Slice& expert) const;
    ExpertsSpec experts(const ExpertsData& data, const Block& block) const;
    ConvolutionSpec convolution(const ConvolutionData& data, const Block& block) const;
    LayerInputSpec layer_input(const LayerInputData& data, const Block& block) const;

    TokenInputSpec token_input(Plan& plan, const FamilyNorms& norms) const;
    PatchInputSpec patch_input(Plan& plan, const FamilyNorms& norms) const;
    SoundInputSpec sound_input(Plan& plan) const;
    HeadSpec head(const TokenInputSpec& input) const;
    bool expects_head() const;
    void check_tied(const WeightRef& head, const WeightRef& table) const;

    const Family& family_;
    const ConfigValues& values_;
    const Architecture& data_;
    const RequiredTensors& tensors_;
    std::int64_t d_, layers_;
    Initialiser init_;
};

}  // namespace deadscope
