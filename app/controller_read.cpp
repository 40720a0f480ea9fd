// Activations that come without their model: which arrays a file holds, and the reading of one of them.
#include <algorithm>
#include <memory>
#include <utility>

#include "app/controller.h"
#include "core/base/error.h"
#include "core/base/thread_priority.h"

namespace deadscope {
namespace {

bool same_rows(const OpenModel& model, const ReadIntent& intent) {
    return model.activations && model.model == intent.file &&
           model.activations->tensor == intent.settings.tensor &&
           model.activations->gamma == intent.settings.gamma;
}

bool is_rows(const ArrayInfo& array) {
    return array.shape.size() >= 2;
}

// The only array that could be meant; nullptr: none, or several.
template <class Fits>
const ArrayInfo* only(const std::vector<ArrayInfo>& arrays, const Fits& fits) {
    const auto found = std::ranges::find_if(arrays, fits);
    if (found == arrays.end() || std::find_if(found + 1, arrays.end(), fits) != arrays.end()) return nullptr;
    return &*found;
}

// What is not typed and can be one array alone.
void fill_in(ReadForm& form, const std::vector<ArrayInfo>& arrays) {
    const auto named = [&](const ArrayInfo& array) { return array.name == form.settings.tensor; };
    if (std::ranges::none_of(arrays, named)) form.settings.tensor.clear();
    const auto chosen = std::ranges::find_if(arrays, named);
    const ArrayInfo* rows =
        !form.settings.tensor.empty() && chosen != arrays.end() ? &*chosen : only(arrays, is_rows);
    if (rows == nullptr) return;
    form.settings.tensor = rows->name;
    if (!form.settings.gamma.empty()) return;
    const ArrayInfo* gamma = only(arrays, [&](const ArrayInfo& array) {
        return array.shape.size() == 1 && array.shape.back() == rows->shape.back();
    });
    if (gamma != nullptr) form.settings.gamma = form.file + ":" + gamma->name;
}

}  // namespace

void Controller::carry_out(const ArraysIntent& intent) {
    if (state_.arrays.reading && state_.arrays.file == intent.file) return;
    state_.arrays = {.file = intent.file, .reading = !intent.file.empty(), .arrays = {}, .error = {}};
    if (intent.file.empty()) return;
    quick_.submit("arrays", "Looking into " + intent.file, [this, file = intent.file](JobContext& context) {
        std::vector<ArrayInfo> arrays;
        std::string error;
        try {
            arrays = list_arrays(file);
        } catch (const std::exception& failure) {
            error = failure.what();  // said in the dialog; another file is typed there
        }
        context.deliver([this, file, arrays = std::move(arrays), error = std::move(error)] {
            arrays_listed(file, arrays, error);
        });
    });
}

void Controller::arrays_listed(const std::string& file, std::vector<ArrayInfo> arrays, std::string error) {
    if (state_.arrays.file != file) return;
    state_.arrays = {.file = file, .reading = false, .arrays = std::move(arrays), .error = std::move(error)};
    if (state_.view.read_form.file == file) fill_in(state_.view.read_form, state_.arrays.arrays);
}

// The same rows with the same γ again: in the place where they are.
void Controller::carry_out(const ReadIntent& intent) {
    const auto same =
        std::ranges::find_if(state_.models, [&](const OpenModel& model) { return same_rows(model, intent); });
    OpenModel& model = same == state_.models.end() ? add_model(intent.file) : *same;
    model.activations = intent.settings;
    model.shown = true;
    state_.selection = {.model = model.id, .norm = {}, .block = {}, .channel = {}};
    start_reading(model);
}

void Controller::start_reading(OpenModel& model) {
    const unsigned generation = begin_pass(model);
    ActivationSettings settings = *model.activations;
    settings.alignment = state_.settings.alignment;
    work_[model.id].run_job = passes_.submit(
        run_tag(model.id), "Reading " + model.label,
        [this, generation, id = model.id, file = model.model, window = window_,
         settings = std::move(settings)](JobContext& context) {
            if (window) give_way();
            try {
                auto whole = read_activations(file, settings, context.progress);
                if (!whole) return;
                auto reading = std::make_shared<const Reading>(std::move(*whole));
                context.deliver([this, id, generation, reading = std::move(reading)] {
                    grown(id, generation, reading, /*complete=*/true);
                });
            } catch (...) {
                context.deliver([this, id, failure = std::current_exception()] { failed(id, failure); });
                throw;
            }
        },
        WhenCancelled::leave);
}

}  // namespace deadscope
