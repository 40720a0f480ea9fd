// See gamma_source.h.
#include "core/reading/gamma_source.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/base/output_file.h"
#include "core/base/text.h"
#include "core/checkpoint/checkpoint.h"
#include "core/checkpoint/output_guard.h"
#include "core/reading/rows.h"

namespace deadscope {
namespace {

[[noreturn]] void wrong_width(const std::string& place, const std::string& name, std::size_t d,
                              const std::string& found) {
    throw Error::input("This array does not fit the activations' width",
                       {.file = place,
                        .key = name,
                        .expected = std::to_string(d) + " numbers, one for each channel",
                        .found = found});
}

void check_finite(const std::vector<double>& values, const std::string& place) {
    const auto bad = std::ranges::find_if(values, [](double value) { return !std::isfinite(value); });
    if (bad != values.end())
        throw Error::input(
            "A parameter of the norm is not a finite number",
            {.file = place,
             .expected = "finite numbers",
             .found = std::to_string(*bad) + " at element " + std::to_string(bad - values.begin())});
}

std::vector<double> read_vector(const ArrayName& array, std::size_t d, std::vector<std::string>& warnings) {
    const auto source = open_array(array, 1);
    const auto& shape = source->shape();
    const bool row =
        !shape.empty() && std::ranges::count_if(shape, [](auto extent) { return extent != 1; }) <= 1;
    if (!row || source->elements() != d)
        wrong_width(array.file, array.name, d, source->type_text() + " " + shape_text(shape));
    std::vector<double> values(d);
    source->read(values);
    check_finite(values, array.words());
    for (std::string& warning : source->warnings()) warnings.push_back(std::move(warning));
    return values;
}

const NormSpec* find_norm(const std::vector<NormSpec>& norms, const std::string& name) {
    const auto named = [&](const NormSpec& norm) { return norm.name == name || norm.weight == name; };
    const auto found = std::ranges::find_if(norms, named);
    return found == norms.end() ? nullptr : &*found;
}

GivenNorm bare(std::vector<double> gamma, const std::string& name) {
    GivenNorm out;
    out.spec.name = name;
    out.spec.role = NormRole::final;
    out.spec.d = static_cast<std::int64_t>(gamma.size());
    out.parameters.gamma = std::move(gamma);
    return out;
}

// A tensor of a weights file that is no norm by its name: taken as it stands.
GivenNorm bare_tensor(const Checkpoint& checkpoint, const TensorInfo& tensor, std::size_t d) {
    if (tensor.elements != d)
        wrong_width(checkpoint.file_of(tensor), tensor.name, d, shape_text(tensor.shape));
    std::vector<double> values = checkpoint.read_all(tensor);
    check_finite(values, tensor.name);
    return bare(std::move(values), tensor.name);
}

GivenNorm norm_of(const Checkpoint& checkpoint, const NormSpec& spec, std::size_t d) {
    if (spec.d != static_cast<std::int64_t>(d))
        wrong_width(checkpoint.source(), spec.name, d, std::to_string(spec.d));
    GivenNorm out{.spec = spec,
                  .parameters = read_norm(checkpoint, spec),
                  .family = {},
                  .architecture = {},
                  .warnings = {}};
    check_finite(out.parameters.gamma, spec.name);
    check_finite(out.parameters.beta, spec.name);
    out.spec.role = NormRole::final;  // of the reading: what was brought is its output
    const nlohmann::json& config = checkpoint.config();
    if (config.is_object() && config.contains("model_type") && config["model_type"].is_string())
        out.architecture = out.family = config["model_type"].get<std::string>();
    return out;
}

// A file of a few arrays without a configuration need not hold anything that looks like a norm.
std::vector<NormSpec> norms_of(const Checkpoint& checkpoint) {
    try {
        return find_norms(checkpoint);
    } catch (const Error&) {
        if (!checkpoint.config().is_null()) throw;
        return {};
    }
}

// Without a name: the final norm where there is a configuration, else the only tensor of the width.
GivenNorm from_checkpoint(const Checkpoint& checkpoint, const std::string& name, std::size_t d) {
    const std::vector<NormSpec> norms = norms_of(checkpoint);
    if (const NormSpec* spec = find_norm(norms, name)) return norm_of(checkpoint, *spec, d);
    if (!name.empty()) {
        if (const TensorInfo* tensor = checkpoint.find(name)) return bare_tensor(checkpoint, *tensor, d);
        std::vector<std::string> names;
        for (const NormSpec& norm : norms) names.push_back(norm.name);
        throw Error::input(
            "The checkpoint holds no norm of that name",
            {.file = checkpoint.source(),
             .key = name,
             .expected = names.empty() ? "a tensor's name"
                                       : "one of its norms, such as " + norms[final_norm_index(norms)].name,
             .found = names.empty() ? "no norm at all" : join(names, ", ")});
    }
    if (!checkpoint.config().is_null() && !norms.empty())
        return norm_of(checkpoint, norms[final_norm_index(norms)], d);
    const TensorInfo* only = nullptr;
    for (const TensorInfo& tensor : checkpoint.tensors()) {
        if (tensor.shape.size() != 1 || tensor.elements != d || !is_computable(tensor.dtype)) continue;
        if (only != nullptr)
            throw Error::input("Several tensors of the file could be γ",
                               {.file = checkpoint.source(),
                                .expected = "a name behind the file, as FILE:NAME",
                                .found = only->name + ", " + tensor.name});
        only = &tensor;
    }
    if (only == nullptr) wrong_width(checkpoint.source(), "", d, "no tensor of that length");
    return bare_tensor(checkpoint, *only, d);
}

// MODEL:NORM. A model's own name may hold colons (zoo:NAME), so the whole is tried last.
struct ModelNorm {
    std::string model, norm;  // norm: empty where none was given
    static ModelNorm parse(const std::string& text) {
        const std::size_t colon = text.rfind(':');
        const std::string model = text.substr(0, colon);
        std::error_code error;
        const bool whole =
            colon == std::string::npos || std::filesystem::exists(text, error) || model == "zoo";
        return whole ? ModelNorm{text, {}} : ModelNorm{model, text.substr(colon + 1)};
    }
};

GivenNorm from_model(const std::string& text, std::size_t d) {
    const auto [model, norm] = ModelNorm::parse(text);
    const Checkpoint checkpoint = open_checkpoint(model);
    GivenNorm out = from_checkpoint(checkpoint, norm, d);
    out.warnings = checkpoint.warnings();
    return out;
}

}  // namespace

GivenNorm given_norm(const std::string& gamma, const std::string& beta, std::size_t d) {
    const ArrayName array = ArrayName::parse(gamma);
    std::vector<std::string> warnings;
    GivenNorm out = holds_arrays(array.file) ? bare(read_vector(array, d, warnings), array.words())
                                             : from_model(gamma, d);
    if (!beta.empty()) out.parameters.beta = read_vector(ArrayName::parse(beta), d, warnings);
    out.warnings.insert(out.warnings.end(), warnings.begin(), warnings.end());
    return out;
}

void refuse_output_over_norm(const std::string& path, const std::string& gamma) {
    const ArrayName array = ArrayName::parse(gamma);
    if (holds_arrays(array.file)) return refuse_output_over_input(path, array.file);
    refuse_output_over_checkpoint(path, open_checkpoint(ModelNorm::parse(gamma).model));
}

}  // namespace deadscope
