// The predicted kernel, from γ alone (math.md §1), and what is measured against it (§2).
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/precision.h"
#include "core/model/norms.h"
#include "core/spectra/singular.h"

namespace deadscope {

struct KernelPrediction {
    // LayerNorm: max(1, number of zero γ); RMSNorm: number of zero γ (0: nothing forces a kernel).
    std::size_t dimension = 0;
    // One unit vector: γ⁻¹/‖γ⁻¹‖; where γ holds zeros, its limit: their e_i with equal weight. For RMSNorm
    // the same vector, as the counter-claim. Empty where γ is not finite.
    std::vector<double> v;                   // [d]
    std::vector<std::vector<double>> basis;  // dimension unit vectors, orthonormal
    std::size_t zeros = 0;                   // channels with γ_i = 0
    std::vector<std::size_t> tiny;           // channels with 0 < |γ_i| <= 1e-6 max|γ|: near-kernels e_i
    // Channels that γ alone silences, whatever the norm's kind.
    std::size_t dead_by_gamma() const { return zeros + tiny.size(); }
};
KernelPrediction predict_kernel(NormKind kind, std::span<const double> gamma);

// A value counts as "at the floor" up to this multiple of it: the norm rounds three to four times on its way
// (x - mean, the scaling, γ, β), each about one share of the output's rounding, and the floor is a mean over
// mantissas.
inline constexpr double kFloorMargin = 10.0;
// What the factorisation and the SVD themselves add to a singular value, relative to the largest: a few u of
// f64 (Householder QR is backward stable, Higham 2002, §19.3).
inline constexpr double kFactorisationError = 16.0 * 0x1p-53;

// Everything about Y that must be gathered while its rows stream past, beside the factor: λ_v of the rounded
// Y itself (vᵀy accumulated in extended precision, so that measuring adds no error of its own), the moments
// that the noise floor needs, and the mean over spread of the norm's input. Thread rule: one thread at a
// time.
class FloorAccumulator {
public:
    FloorAccumulator(std::span<const double> v, std::span<const double> gamma);
    void add_output(std::span<const double> rows);  // Y [n, d]
    void add_input(std::span<const double> rows);   // x of the norm [n, d]
    // As if the rows of `other`, which is of the same v and γ, had been added here.
    void merge(const FloorAccumulator& other);
    // Everything that was gathered, without v and γ, as packed_size() numbers: for another process.
    std::size_t packed_size() const { return 10 + d_; }
    void pack(std::span<double> to) const;
    void unpack(std::span<const double> from);  // replaces what was gathered

    std::size_t rows() const { return rows_; }
    double lambda_v() const;  // vᵀCv
    struct Floor {
        double output_rounding = 0.0;  // (u²/3) Σ v_i² E[y_i²]
        double mean_rounding = 0.0;  // E[(d δm / std)²] / ‖γ⁻¹‖²; 0 for RMSNorm and where γ holds zeros
        double total() const { return output_rounding + mean_rounding; }
    };
    // Of the output, and of what is computed inside the norm: a pass in bf16 takes its mean off in float.
    struct Roundoff {
        double output = 0.0, inside = 0.0;
        static Roundoff of(Precision precision);
    };
    Floor floor(const Roundoff& roundoff, NormKind kind) const;  // on the scale of λ; math.md §3
    // σ along the unit vector w [d] that rounding the mean alone gives a LayerNorm's output: |wᵀγ|/d
    // sqrt(E[(d δm / std)²]).
    double mean_rounding_along(std::span<const double> w, double roundoff) const;
    double mean_over_spread() const;  // RMS over tokens of mean(x)/std(x)

private:
    std::size_t d_;
    std::size_t rows_ = 0, input_rows_ = 0;
    std::vector<long double> v_;                  // [d], γ⁻¹/‖γ⁻¹‖ before it is rounded to double
    std::vector<double> gamma_;                   // [d]
    double inverse_gamma_norm2_ = 0.0;            // ‖γ⁻¹‖², 0 where γ holds zeros
    long double first_ = 0, sum_ = 0, sum2_ = 0;  // of vᵀy - first
    std::vector<double> y2_;                      // [d], Σ y_i²
    double ratio2_ = 0.0;                         // Σ over rows of (mean/std)²
    double coherent_ = 0.0;                       // Σ over rows of (d δm / std)² in units of u²/3
};

struct AlignmentSettings {
    double dead_relative = 1e-6;  // a direction is dead where σ <= max(dead_relative σ_max, floor)
};

struct Alignment {
    std::optional<double> value;     // |⟨v, u_d⟩|; empty where rows <= d
    std::optional<double> subspace;  // ‖P_dead v‖; empty likewise, or where nothing is dead
    bool well_determined = false;    // u_d is unique: σ_{d-1} stands clear of σ_d and the noise
    double gap = 0.0;                // σ_{d-1} - σ_d
    std::size_t dead_directions = 0;
    std::size_t at_noise_floor = 0;  // σ_i² <= kFloorMargin · floor, or within the factorisation's error
    std::vector<double> components;  // |⟨v, u_i⟩| over all i, descending σ
    double random_baseline = 0.0;    // sqrt(2 / (π d))
    double uniform_baseline = 0.0;   // |⟨v, 1/√d⟩|
    double permuted_baseline = 0.0;  // |⟨v, v of a permuted γ⟩|, mean over seeded permutations
};
// rows: tokens measured. floor: on the scale of λ.
Alignment measure_alignment(const KernelPrediction& prediction, const RightSvd& svd, std::size_t rows,
                            double floor, const AlignmentSettings& settings = {});

}  // namespace deadscope
