// See linear.h. cuBLASLt counts columns first: a row-major [m, n] is its n × m, so that y [m, n] = x wᵀ is
// asked for as yᵀ = w xᵀ, and the bias, one number a row of yᵀ, is its epilogue.
#include "core/backend/cuda/linear.h"

#include <algorithm>
#include <bit>

namespace deadscope::cuda {
namespace {

constexpr std::size_t kWorkspace = 32u << 20;  // what NVIDIA advises for capability 9.0 and above
constexpr std::size_t kMostPlans = 512;

cudaDataType_t data_type(Element element) {
    switch (element) {
        case Element::f64:
            return CUDA_R_64F;
        case Element::f32:
            return CUDA_R_32F;
        case Element::bf16:
            return CUDA_R_16BF;
        case Element::f16:
            break;
    }
    return CUDA_R_16F;
}

std::uint32_t alignment(const void* address) {
    const auto value = reinterpret_cast<std::uintptr_t>(address);
    return value == 0 ? 256U : std::uint32_t{1} << std::min(std::countr_zero(value), 8);
}

// A matrix as cuBLASLt sees a row-major one. Thread rule: one thread.
class Layout {
public:
    Layout(cudaDataType_t type, std::size_t rows, std::size_t cols, std::size_t stride) {
        check(cublasLtMatrixLayoutCreate(&layout_, type, cols, rows, static_cast<std::int64_t>(stride)),
              "a product was planned");
    }
    ~Layout() { (void)cublasLtMatrixLayoutDestroy(layout_); }
    Layout(const Layout&) = delete;
    Layout& operator=(const Layout&) = delete;
    cublasLtMatrixLayout_t get() const { return layout_; }

private:
    cublasLtMatrixLayout_t layout_ = nullptr;
};

// Thread rule: one thread.
class Description {
public:
    Description(cublasComputeType_t compute, cudaDataType_t scale) {
        check(cublasLtMatmulDescCreate(&description_, compute, scale), "a product was planned");
    }
    ~Description() { (void)cublasLtMatmulDescDestroy(description_); }
    Description(const Description&) = delete;
    Description& operator=(const Description&) = delete;
    template <typename T>
    void set(cublasLtMatmulDescAttributes_t attribute, const T& value) {
        check(cublasLtMatmulDescSetAttribute(description_, attribute, &value, sizeof value),
              "a product was planned");
    }
    cublasLtMatmulDesc_t get() const { return description_; }

private:
    cublasLtMatmulDesc_t description_ = nullptr;
};

// Thread rule: one thread.
class Preference {
public:
    Preference() { check(cublasLtMatmulPreferenceCreate(&preference_), "a product was planned"); }
    ~Preference() { (void)cublasLtMatmulPreferenceDestroy(preference_); }
    Preference(const Preference&) = delete;
    Preference& operator=(const Preference&) = delete;
    template <typename T>
    void set(cublasLtMatmulPreferenceAttributes_t attribute, const T& value) {
        check(cublasLtMatmulPreferenceSetAttribute(preference_, attribute, &value, sizeof value),
              "a product was planned");
    }
    cublasLtMatmulPreference_t get() const { return preference_; }

private:
    cublasLtMatmulPreference_t preference_ = nullptr;
};

}  // namespace

struct Products::Plan {
    Plan(cublasComputeType_t compute, cudaDataType_t type, cudaDataType_t scale, const Shape& s)
        : description(compute, scale),
          w(type, s.stored_in_out ? s.k : s.n, s.stored_in_out ? s.n : s.k, s.w_stride),
          x(type, s.m, s.k, s.x_stride),
          y(type, s.m, s.n, s.y_stride) {}
    Description description;
    Layout w, x, y;
    cublasLtMatmulAlgo_t algorithm{};
    bool found = false;
    bool bias_in_epilogue = false;
};

Products::Products(Context& context, bool tf32) : context_(context), tf32_(tf32) {}

Products::~Products() {
    if (handle_ != nullptr) (void)cublasLtDestroy(handle_);
}

std::unique_ptr<Products::Plan> Products::make_plan(const Shape& shape, const void* bias) {
    const Element element = context_.element();
    const cudaDataType_t type = data_type(element), scale = element == Element::f64 ? CUDA_R_64F : CUDA_R_32F;
    const bool fast = tf32_ && element == Element::f32;
    const cublasComputeType_t compute = element == Element::f64 ? CUBLAS_COMPUTE_64F
                                        : fast                  ? CUBLAS_COMPUTE_32F_FAST_TF32
                                                                : CUBLAS_COMPUTE_32F;
    auto plan = std::make_unique<Plan>(compute, type, scale, shape);
    plan->description.set(CUBLASLT_MATMUL_DESC_TRANSA, shape.stored_in_out ? CUBLAS_OP_N : CUBLAS_OP_T);
    plan->description.set(CUBLASLT_MATMUL_DESC_TRANSB, CUBLAS_OP_N);
    if (bias != nullptr) {
        plan->description.set(CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS);
        plan->description.set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
        plan->bias_in_epilogue = true;
    }
    Preference preference;
    preference.set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, kWorkspace);
    // Parts of a sum are added up in f32, never in the 16 bits of the result.
    preference.set(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
                   static_cast<std::uint32_t>(CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE));
    preference.set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, shape.w_align);
    preference.set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, shape.x_align);
    preference.set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, shape.y_align);
    preference.set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, shape.y_align);
    cublasLtMatmulHeuristicResult_t result{};
    int results = 0;
    const cublasStatus_t status =
        cublasLtMatmulAlgoGetHeuristic(handle_, plan->description.get(), plan->w.get(), plan->x.get(),
                                       plan->y.get(), plan->y.get(), preference.get(), 1, &result, &results);
    plan->found = status == CUBLAS_STATUS_SUCCESS && results > 0 && result.state == CUBLAS_STATUS_SUCCESS;
    plan->algorithm = result.algo;
    return plan;
}

Products::Plan& Products::plan_for(const Shape& shape, const void* bias) {
    if (const auto known = plans_.find(shape); known != plans_.end()) return *known->second;
    if (handle_ == nullptr) {
        check(cublasLtCreate(&handle_), "cuBLASLt was started");
        workspace_ = context_.scratch(kWorkspace);
    }
    if (plans_.size() >= kMostPlans) plans_.clear();
    std::unique_ptr<Plan> plan = make_plan(shape, bias);
    if (!plan->found && bias != nullptr)
        plan = make_plan(shape, nullptr);  // then the bias is laid out before
    if (!plan->found) fail("a product was planned", "cuBLASLt has no algorithm for it");
    return *plans_.emplace(shape, std::move(plan)).first->second;
}

void Products::multiply(const Launch& launch, View x, View w, bool stored_in_out, View bias, View y) {
    if (y.rows == 0 || y.cols == 0) return;
    const Shape shape{.m = y.rows,
                      .n = y.cols,
                      .k = x.cols,
                      .x_stride = x.stride,
                      .w_stride = w.stride,
                      .y_stride = y.stride,
                      .stored_in_out = stored_in_out,
                      .bias = bias.data != nullptr,
                      .x_align = alignment(x.data),
                      .w_align = alignment(w.data),
                      .y_align = alignment(y.data),
                      .bias_align = alignment(bias.data)};
    Plan& plan = plan_for(shape, bias.data);
    const bool laid_out = shape.bias && !plan.bias_in_epilogue;
    if (laid_out) set_rows(launch, bias, y);
    if (plan.bias_in_epilogue)
        plan.description.set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, static_cast<const void*>(bias.data));
    const double double_one = 1.0, double_beta = laid_out ? 1.0 : 0.0;
    const float one = 1.0F, beta = laid_out ? 1.0F : 0.0F;
    const bool doubles = launch.element == Element::f64;
    check(cublasLtMatmul(handle_, plan.description.get(),
                         doubles ? static_cast<const void*>(&double_one) : &one, w.data, plan.w.get(), x.data,
                         plan.x.get(), doubles ? static_cast<const void*>(&double_beta) : &beta, y.data,
                         plan.y.get(), y.data, plan.y.get(), &plan.algorithm, workspace_.as<void>(),
                         kWorkspace, launch.stream),
          "matrices were multiplied");
}

}  // namespace deadscope::cuda
