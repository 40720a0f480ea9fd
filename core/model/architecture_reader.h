// Reads the parts of architecture data out of JSON: every key is known or an error, every amount refers to
// quantities that exist. Only for architecture*.cpp.
#pragma once

#include <initializer_list>

#include "core/base/json.h"
#include "core/model/architecture.h"

namespace deadscope {

// Thread rule: immutable; the architecture must outlive it.
class ArchitectureReader {
public:
    // `architecture` holds the file's config and norm style already.
    explicit ArchitectureReader(const Architecture& architecture) : data_(architecture) {}

    Amount amount(const JsonObject& part, std::string_view key, Amount otherwise = {}) const;
    Amount required_amount(const JsonObject& part, std::string_view key) const;
    // A name alone, or {"tensor": NAME, ...}; nothing where absent.
    std::optional<NormData> norm(const JsonObject& part, std::string_view key) const;
    std::optional<NormData> norm_value(const nlohmann::json& value, const JsonObject& part,
                                       std::string_view key) const;
    // The style's keys in `entry` over `style`.
    NormData norm_style(const JsonObject& entry, NormData style) const;
    std::optional<LinearData> linear(const JsonObject& part, std::string_view key,
                                     std::initializer_list<std::string_view> more_keys = {}) const;
    LinearData required_linear(const JsonObject& part, std::string_view key,
                               std::initializer_list<std::string_view> more_keys = {}) const;

    AttentionData attention(const JsonObject& entry) const;
    MlpData mlp(const JsonObject& entry) const;
    ExpertsData experts(const JsonObject& entry) const;
    BlockData block(const JsonObject& entry) const;
    BlockRule rule(const JsonObject& entry) const;

    // Every quantity that the amount names must be listed.
    void check_names(const Amount& amount, const JsonObject& part, std::string_view key) const;

private:
    RotaryData rotary(const JsonObject& entry) const;
    AlibiData alibi(const JsonObject& entry) const;
    std::optional<HeadNormData> head_norm(const JsonObject& part, std::string_view key) const;
    std::optional<LatentData> latent(const JsonObject& part) const;
    std::optional<DisentangledData> disentangled(const JsonObject& part) const;
    std::optional<RelativeBiasData> relative_bias(const JsonObject& part) const;
    std::optional<KeysOfData> keys_of(const JsonObject& part) const;
    std::optional<LayerInputData> layer_input(const JsonObject& part) const;
    std::optional<ConvolutionData> convolution(const JsonObject& part) const;
    void mlp_maps(const JsonObject& entry, MlpData& out) const;
    const Architecture& data_;
};

void expect_keys(const JsonObject& object, std::initializer_list<std::string_view> known,
                 std::initializer_list<std::string_view> more = {});
std::string required_text(const JsonObject& object, std::string_view key);
JsonObject required_object(const JsonObject& object, std::string_view key);
// A JSON value as an amount; nothing where it is a list or an object.
std::optional<Amount> to_amount(const nlohmann::json& value);
// The words of an expression: "4 * width" as 4, *, width.
std::vector<std::string> expression_words(const std::string& text);
bool is_operator(const std::string& word);
std::optional<double> as_number(const std::string& word);

}  // namespace deadscope
