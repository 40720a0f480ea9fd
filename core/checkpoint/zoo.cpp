// Reads assets/models/zoo.json and opens its snapshots in place; nothing is unpacked.
#include "core/checkpoint/zoo.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "core/base/assets.h"
#include "core/base/error.h"
#include "core/base/json.h"
#include "core/base/text.h"
#include "core/checkpoint/safetensors.h"

namespace deadscope {
namespace {

constexpr std::string_view prefix = "zoo:", table_path = "assets/models/zoo.json";

ZooModel read_model(const std::string& name, const JsonObject& entry) {
    ZooModel model;
    model.name = name;
    model.place = entry.integer("place").value_or(0);
    model.description = entry.text("description").value_or("");
    model.input = entry.text("input").value_or("bytes");
    model.steps = entry.integers("steps");
    if (model.steps.empty()) entry.missing("steps", "the snapshots' steps");
    std::ranges::sort(model.steps);
    if (const auto plant = entry.object("planted_block")) {
        if (const auto index = plant->integer("report_index"))
            model.planted_index = static_cast<std::size_t>(*index);
    }
    return model;
}

std::vector<ZooModel> read_table() {
    const Asset* table = find_asset(table_path);
    if (table == nullptr) return {};
    const nlohmann::json json = parse_json(asset_text(*table), {.file = std::string(table_path)});
    const JsonObject object(json, std::string(table_path));
    std::vector<ZooModel> models;
    for (const std::string& name : object.keys()) models.push_back(read_model(name, *object.object(name)));
    std::ranges::sort(models, {}, &ZooModel::place);
    return models;
}

struct ZooChoice {
    const ZooModel* model;
    std::int64_t step;
};

ZooChoice choose(const std::string& model) {
    const std::size_t at = model.find('@');
    const std::string name = model.substr(prefix.size(), at == std::string::npos ? at : at - prefix.size());
    const auto found = std::ranges::find(zoo_models(), name, &ZooModel::name);
    if (found == zoo_models().end()) {
        std::vector<std::string> names;
        for (const ZooModel& known : zoo_models()) names.push_back(std::string(prefix) + known.name);
        throw Error::input("There is no built-in model of this name",
                           {.expected = join(names, ", "), .found = model});
    }
    if (at == std::string::npos) return {&*found, found->steps.back()};
    const std::string step_text = model.substr(at + 1);
    std::int64_t step = -1;
    const auto [end, error] = std::from_chars(step_text.data(), step_text.data() + step_text.size(), step);
    const bool number = error == std::errc() && end == step_text.data() + step_text.size();
    if (!number || std::ranges::find(found->steps, step) == found->steps.end()) {
        std::vector<std::string> steps;
        for (const std::int64_t known : found->steps) steps.push_back(std::to_string(known));
        throw Error::input("The built-in model has no snapshot of this step",
                           {.key = std::string(prefix) + name,
                            .expected = "one of " + join(steps, ", "),
                            .found = step_text});
    }
    return {&*found, step};
}

const Asset& required_asset(const std::string& path) {
    const Asset* asset = find_asset(path);
    if (asset == nullptr)
        throw Error::input("The program was built without this built-in model", {.file = path});
    return *asset;
}

}  // namespace

const std::vector<ZooModel>& zoo_models() {
    static const std::vector<ZooModel> models = read_table();
    return models;
}

bool is_zoo_name(const std::string& model) {
    return model.starts_with(prefix);
}

Checkpoint open_zoo_model(const std::string& model) {
    const ZooChoice choice = choose(model);
    const std::string folder = "assets/models/" + choice.model->name + "/step-" + std::to_string(choice.step);
    const std::string config_path = folder + "/config.json", weights_path = folder + "/model.safetensors";
    auto config = std::make_shared<nlohmann::json>(
        parse_json(asset_text(required_asset(config_path)), {.file = config_path}));
    std::vector<std::unique_ptr<WeightsFile>> files;
    files.push_back(open_safetensors(MappedFile::borrow(weights_path, required_asset(weights_path).bytes)));
    const std::string full = std::string(prefix) + choice.model->name + "@" + std::to_string(choice.step);
    const bool last = choice.step == choice.model->steps.back();
    Checkpoint checkpoint(last ? std::string(prefix) + choice.model->name : full, full, std::move(config),
                          std::move(files));
    checkpoint.set_config_path(config_path);
    return checkpoint;
}

std::optional<std::string> initial_zoo_snapshot(const std::string& model) {
    const ZooChoice choice = choose(model);
    if (choice.model->steps.front() != 0) return std::nullopt;
    return std::string(prefix) + choice.model->name + "@0";
}

bool has_byte_vocabulary(const std::string& source) {
    return is_zoo_name(source) && choose(source).model->input == "bytes";
}

}  // namespace deadscope
