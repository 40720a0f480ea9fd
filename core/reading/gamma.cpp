// What the parameters alone say: facts of the checkpoint, γ of every norm, the predicted kernel (math.md §1).
#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/model/plan.h"
#include "core/reading/analyze.h"
#include "core/reading/words.h"

namespace deadscope {

namespace {

// Which of several models is read, and which others there are. A file that describes them wrongly is
// make_plan's to refuse.
void name_towers(ModelFacts& facts, const Checkpoint& checkpoint) {
    try {
        facts.towers = towers(checkpoint);
        if (!facts.towers.empty())
            facts.tower = checkpoint.tower().empty() ? facts.towers.front() : checkpoint.tower();
    } catch (const Error&) {
        facts.towers.clear();
    }
}

ModelFacts facts(const Checkpoint& checkpoint) {
    ModelFacts out;
    out.name = checkpoint.name();
    out.source = checkpoint.source();
    out.dtype = checkpoint.dtype();
    out.parameters = checkpoint.parameters();
    out.bytes = checkpoint.bytes();
    const auto& config = checkpoint.config();
    if (config.is_object() && config.contains("model_type") && config["model_type"].is_string())
        out.architecture = config["model_type"].get<std::string>();
    name_towers(out, checkpoint);
    try {
        const Plan plan = make_plan(checkpoint);
        out.family = plan.family;
        out.norm_position = plan.norm_position == NormPosition::pre ? "pre" : "post";
        out.d_model = plan.d;
        out.layers = static_cast<std::int64_t>(plan.blocks.size());
        out.vocabulary = plan.vocabulary;
        out.context = plan.context;
        out.pixels = plan.patch_input.has_value();
        out.byte_vocabulary = plan.byte_vocabulary;
        out.forward_supported = true;
    } catch (const Error& error) {
        out.forward_error = error.message();
    }
    return out;
}

// Where no plan could be made, the norms themselves say how wide and how deep.
void complete(ModelFacts& model, const std::vector<NormReading>& norms, std::size_t final_norm) {
    if (model.forward_supported || norms.empty()) return;
    model.d_model = norms[final_norm].spec.d;
    for (const NormReading& norm : norms)
        if (norm.spec.block)
            model.layers = std::max(model.layers, static_cast<std::int64_t>(*norm.spec.block) + 1);
}

}  // namespace

std::string_view init_name(Init init) {
    return init == Init::trained ? "trained" : "random";
}

NormStatistics statistics(const std::vector<double>& values) {
    NormStatistics out;
    if (values.empty()) return out;
    long double sum = 0.0L, square = 0.0L;
    out.min = out.max = values.front();
    for (const double value : values) {
        out.min = std::min(out.min, value);
        out.max = std::max(out.max, value);
        sum += value;
        square += static_cast<long double>(value) * value;
        if (value == 0.0) ++out.zeros;
        if (value < 0.0) ++out.negatives;
        if (!std::isfinite(value)) out.finite = false;
    }
    out.mean = static_cast<double>(sum / static_cast<long double>(values.size()));
    out.l2 = static_cast<double>(std::sqrt(square));
    if (!out.finite) out.min = out.max = out.mean = out.l2 = std::numeric_limits<double>::quiet_NaN();
    return out;
}

GammaReading read_gamma(const Checkpoint& checkpoint) {
    GammaReading out;
    out.model = facts(checkpoint);
    const std::vector<NormSpec> specs = find_norms(checkpoint);
    for (const NormSpec& spec : specs) {
        NormReading norm{.spec = spec, .parameters = read_norm(checkpoint, spec), .gamma = {}, .beta = {}};
        norm.gamma = statistics(norm.parameters.gamma);
        if (!norm.parameters.beta.empty()) norm.beta = statistics(norm.parameters.beta);
        if (!norm.gamma.finite || (norm.beta && !norm.beta->finite))
            out.warnings.push_back("The norm " + spec.name +
                                   " holds values that are not finite; they are shown as missing.");
        out.norms.push_back(std::move(norm));
    }
    for (std::string& warning : checkpoint.warnings()) out.warnings.push_back(std::move(warning));
    if (out.norms.empty()) {
        out.warnings.push_back("No norm was found in this checkpoint, so there is no γ to read.");
        return out;
    }
    out.final_norm = final_norm_index(specs);
    complete(out.model, out.norms, out.final_norm);
    const NormReading& last = out.norms[out.final_norm];
    out.prediction = predict_kernel(last.spec.kind, last.parameters.gamma);
    return out;
}

std::string gamma_headline(const GammaReading& gamma) {
    if (gamma.norms.empty()) return "No norm was found in this checkpoint.";
    const NormReading& last = gamma.norms[gamma.final_norm];
    const bool one = gamma.norms.size() == 1;
    const std::string intro =
        one ? "γ of the norm " : counted(gamma.norms.size(), "norm") + "; γ of the last one ";
    if (!last.gamma.finite) return intro + "holds values that are not finite.";
    const std::size_t dead = gamma.prediction.dead_by_gamma();
    if (dead > 0)
        return intro + "is zero or next to it in " + counted(dead, "channel") +
               ": what it multiplies there is gone, whatever the norm's kind.";
    return intro + "runs from " + number_text(last.gamma.min) + " to " + number_text(last.gamma.max) +
           (last.gamma.negatives > 0 ? ", " + std::to_string(last.gamma.negatives) + " of it negative."
                                     : ".");
}

}  // namespace deadscope
