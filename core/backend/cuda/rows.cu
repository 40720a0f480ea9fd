// The row-wise and element-wise operations of kernels.h: what CpuBackend does in its loops, one thread a pack
// of neighbouring elements.
#include "core/backend/cuda/device_code.h"

namespace deadscope::cuda {
namespace {

// x = step(x): what most operations are. `step` changes a pack of values in place.
template <typename T, typename Step>
struct Update {
    Rows<T> x;
    Step step;
    template <int width>
    __device__ void run(std::size_t row, std::size_t col) const {
        Arithmetic<T> values[width];
        load(x.at(row, col), values);
        step(values, row, col);
        store(values, x.at(row, col));
    }
};

template <typename T, typename Step>
void update(const Launch& at, const char* what, const View& x, bool in_packs, const Step& step) {
    const Update<T, Step> change{Rows<T>(x), step};
    if (in_packs && packs<T>(x)) {
        launch_each<pack_width<T>>(at.stream, x.rows, x.cols, what, change);
    } else {
        launch_each<1>(at.stream, x.rows, x.cols, what, change);
    }
}

// x += factor · another matrix's row, which the subclass of step chooses.
template <typename T>
struct AddScaled {
    using A = Arithmetic<T>;
    Rows<const T> from;
    A factor;
    const std::int32_t* ids;  // null: the same row
    template <int width>
    __device__ void operator()(A (&x)[width], std::size_t row, std::size_t col) const {
        A a[width];
        load(from.at(ids == nullptr ? row : static_cast<std::size_t>(ids[row]), col), a);
        DEADSCOPE_UNROLL
        for (int e = 0; e < width; ++e) x[e] += factor * a[e];
    }
};

// to[rows[i], :] += weights[i] · from[i, :]
template <typename T>
struct Scatter {
    Rows<const T> from;
    const std::int32_t* rows;
    const double* weights;
    Rows<T> to;
    template <int width>
    __device__ void run(std::size_t row, std::size_t col) const {
        Arithmetic<T> a[width], x[width];
        T* out = to.at(static_cast<std::size_t>(rows[row]), col);
        const auto weight = static_cast<Arithmetic<T>>(weights[row]);
        load(from.at(row, col), a);
        load(static_cast<const T*>(out), x);
        DEADSCOPE_UNROLL
        for (int e = 0; e < width; ++e) x[e] += weight * a[e];
        store(x, out);
    }
};

template <typename T>
struct AddRow {
    using A = Arithmetic<T>;
    const T* values;
    template <int width>
    __device__ void operator()(A (&x)[width], std::size_t, std::size_t col) const {
        A a[width];
        load(values + col, a);
        DEADSCOPE_UNROLL
        for (int e = 0; e < width; ++e) x[e] += a[e];
    }
};

template <typename T>
struct Multiply {
    using A = Arithmetic<T>;
    Rows<const T> by;  // stride 0: one row for all
    template <int width>
    __device__ void operator()(A (&x)[width], std::size_t row, std::size_t col) const {
        A a[width];
        load(by.at(row, col), a);
        DEADSCOPE_UNROLL
        for (int e = 0; e < width; ++e) x[e] *= a[e];
    }
};

// One function of one number.
template <typename A, typename Function>
struct Map {
    Function function;
    template <int width>
    __device__ void operator()(A (&x)[width], std::size_t, std::size_t) const {
        DEADSCOPE_UNROLL
        for (int e = 0; e < width; ++e) x[e] = function(x[e]);
    }
};

template <typename A>
struct ScaleBy {
    A factor;
    __device__ A operator()(A x) const { return x * factor; }
};
template <typename A>
struct Clamp {
    A low, high;  // NaN stays
    __device__ A operator()(A x) const { return x < low ? low : high < x ? high : x; }
};
template <typename A>
struct Cap {
    A at, scale;
    __device__ A operator()(A x) const { return at * tanh_of(x * scale); }
};

template <typename A>
__device__ __forceinline__ A sigmoid(A x) {
    return A{1} / (A{1} + exp_of(-x));
}
// x/2 (1 + tanh u) = x sigmoid(2u), u = root (x + 0.044715 x³)
template <typename A>
__device__ __forceinline__ A gelu_by_tanh(A x, double root) {
    const A u = x * (A{1} + static_cast<A>(0.044715) * x * x);
    return x * sigmoid(static_cast<A>(2 * root) * u);
}

template <Activation activation, typename A>
struct Activate {
    __device__ A operator()(A x) const {
        if constexpr (activation == Activation::gelu) {  // x Φ(x)
            return static_cast<A>(0.5) * x * (A{1} + erf_of(x * static_cast<A>(0.70710678118654752440)));
        } else if constexpr (activation == Activation::gelu_tanh) {  // √(2/π)
            return gelu_by_tanh(x, 0.79788456080286535588);
        } else if constexpr (activation == Activation::gelu_bloom) {
            return gelu_by_tanh(x, 0.79788456);
        } else if constexpr (activation == Activation::quick_gelu) {
            return x * sigmoid(static_cast<A>(1.702) * x);
        } else if constexpr (activation == Activation::relu) {
            return x < A{0} ? A{0} : x;
        } else if constexpr (activation == Activation::silu) {
            return x * sigmoid(x);
        } else if constexpr (activation == Activation::tanh) {
            return tanh_of(x);
        } else if constexpr (activation == Activation::relu_squared) {
            return x < A{0} ? A{0} : x * x;
        } else if constexpr (activation == Activation::sigmoid) {
            return sigmoid(x);
        } else if constexpr (activation == Activation::mish) {
            // x tanh(log(1 + e^x)), with t = e^x: x (t² + 2t) / (t² + 2t + 2); 1 beyond 20
            const A t = exp_of(A{20} < x ? A{20} : x), u = t * (t + A{2});
            return x * (u / (u + A{2}));
        } else if constexpr (activation == Activation::elu) {
            return x > A{0} ? x : expm1_of(x);
        } else {
            static_assert(activation == Activation::leaky_relu);
            return x < A{0} ? static_cast<A>(0.01) * x : x;
        }
    }
};

template <typename T>
struct SetRow {
    const T* values;
    Rows<T> to;
    template <int width>
    __device__ void run(std::size_t row, std::size_t col) const {
        *reinterpret_cast<Pack<T, width>*>(to.at(row, col)) =
            *reinterpret_cast<const Pack<T, width>*>(values + col);
    }
};

template <typename F>
void map(const Launch& at, const char* what, const View& x, F&& function_of) {
    with_type(at.element, [&](auto* type) {
        using T = std::remove_pointer_t<decltype(type)>;
        using A = Arithmetic<T>;
        const auto function = function_of(A{});
        update<T>(at, what, x, true, Map<A, decltype(function)>{function});
    });
}

template <Activation activation>
void activate_by(const Launch& at, const View& x) {
    map(at, "an activation", x, [](auto zero) { return Activate<activation, decltype(zero)>{}; });
}

}  // namespace

void gather_add(const Launch& at, View table, const std::int32_t* ids, double scale, View to) {
    with_type(at.element, [&](auto* type) {
        using T = std::remove_pointer_t<decltype(type)>;
        update<T>(at, "gathering rows", to, packs<T>(table),
                  AddScaled<T>{Rows<const T>(table), static_cast<Arithmetic<T>>(scale), ids});
    });
}

void scatter_add(const Launch& at, View from, const std::int32_t* rows, const double* weights, View to) {
    with_type(at.element, [&](auto* type) {
        using T = std::remove_pointer_t<decltype(type)>;
        const Scatter<T> scatter{Rows<const T>(from), rows, weights, Rows<T>(to)};
        if (packs<T>(from) && packs<T>(to)) {
            launch_each<pack_width<T>>(at.stream, from.rows, from.cols, "scattering rows", scatter);
        } else {
            launch_each<1>(at.stream, from.rows, from.cols, "scattering rows", scatter);
        }
    });
}

void add(const Launch& at, View from, View to, double scale) {
    with_type(at.element, [&](auto* type) {
        using T = std::remove_pointer_t<decltype(type)>;
        update<T>(at, "adding matrices", to, packs<T>(from),
                  AddScaled<T>{Rows<const T>(from), static_cast<Arithmetic<T>>(scale), nullptr});
    });
}

void add_row(const Launch& at, View row, View to) {
    with_type(at.element, [&](auto* type) {
        using T = std::remove_pointer_t<decltype(type)>;
        update<T>(at, "adding a row", to, packs<T>(row), AddRow<T>{static_cast<const T*>(row.data)});
    });
}

void multiply_row(const Launch& at, View row, View x) {
    row.stride = 0;
    multiply(at, row, x);
}

void multiply(const Launch& at, View by, View x) {
    with_type(at.element, [&](auto* type) {
        using T = std::remove_pointer_t<decltype(type)>;
        update<T>(at, "multiplying matrices", x, packs<T>(by), Multiply<T>{Rows<const T>(by)});
    });
}

void scale(const Launch& at, double factor, View x) {
    map(at, "scaling a matrix", x, [&](auto zero) {
        using A = decltype(zero);
        return ScaleBy<A>{static_cast<A>(factor)};
    });
}

void clamp(const Launch& at, double low, double high, View x) {
    map(at, "clamping a matrix", x, [&](auto zero) {
        using A = decltype(zero);
        return Clamp<A>{static_cast<A>(low), static_cast<A>(high)};
    });
}

void cap(const Launch& at, double most, View x) {
    map(at, "capping a matrix", x, [&](auto zero) {
        using A = decltype(zero);
        return Cap<A>{static_cast<A>(most), A{1} / static_cast<A>(most)};
    });
}

void activate(const Launch& at, Activation activation, View x) {
    switch (activation) {
        case Activation::identity:
            return;
        case Activation::gelu:
            return activate_by<Activation::gelu>(at, x);
        case Activation::gelu_tanh:
            return activate_by<Activation::gelu_tanh>(at, x);
        case Activation::gelu_bloom:
            return activate_by<Activation::gelu_bloom>(at, x);
        case Activation::quick_gelu:
            return activate_by<Activation::quick_gelu>(at, x);
        case Activation::relu:
            return activate_by<Activation::relu>(at, x);
        case Activation::silu:
            return activate_by<Activation::silu>(at, x);
        case Activation::tanh:
            return activate_by<Activation::tanh>(at, x);
        case Activation::relu_squared:
            return activate_by<Activation::relu_squared>(at, x);
        case Activation::sigmoid:
            return activate_by<Activation::sigmoid>(at, x);
        case Activation::mish:
            return activate_by<Activation::mish>(at, x);
        case Activation::elu:
            return activate_by<Activation::elu>(at, x);
        case Activation::leaky_relu:
            return activate_by<Activation::leaky_relu>(at, x);
    }
}

void set_rows(const Launch& at, View row, View to) {
    with_type(at.element, [&](auto* type) {
        using T = std::remove_pointer_t<decltype(type)>;
        const SetRow<T> set{static_cast<const T*>(row.data), Rows<T>(to)};
        if (packs<T>(row) && packs<T>(to)) {
            launch_each<pack_width<T>>(at.stream, to.rows, to.cols, "filling rows", set);
        } else {
            launch_each<1>(at.stream, to.rows, to.cols, "filling rows", set);
        }
    });
}

}  // namespace deadscope::cuda
