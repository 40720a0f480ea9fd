// See post_processor.h.
#include "core/text/post_processor.h"

#include <limits>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/text/component.h"

namespace deadscope {
namespace {

constexpr std::size_t most_parts = 64;

std::int32_t checked_id(const JsonObject& object, std::string_view key, const nlohmann::json& id) {
    if (!id.is_number_integer() || id.get<std::int64_t>() < 0 ||
        id.get<std::int64_t>() > std::numeric_limits<std::int32_t>::max())
        object.wrong(key, "a token id");
    return id.get<std::int32_t>();
}

// ["[CLS]", 101]
std::int32_t named_id(const JsonObject& object, std::string_view key) {
    const nlohmann::json* pair = object.find(key);
    if (!pair) object.missing(key, "a token and its id");
    if (!pair->is_array() || pair->size() != 2) object.wrong(key, "a token and its id");
    return checked_id(object, key, (*pair)[1]);
}

SequenceTemplate first_and_last(const JsonObject& object) {
    return {{{.sequence = false, .ids = {named_id(object, "cls")}},
             {.sequence = true},
             {.sequence = false, .ids = {named_id(object, "sep")}}}};
}

std::vector<std::int32_t> special_ids(const JsonObject& processor, const std::string& name) {
    const auto tokens = processor.object("special_tokens");
    const auto token = tokens ? tokens->object(name) : std::nullopt;
    if (!token) processor.wrong("special_tokens", "the token " + name + ", which the template names");
    const nlohmann::json* ids = token->find("ids");
    if (!ids || !ids->is_array() || ids->size() > most_parts) token->wrong("ids", "a list of token ids");
    std::vector<std::int32_t> out;
    for (const nlohmann::json& id : *ids) out.push_back(checked_id(*token, "ids", id));
    return out;
}

SequenceTemplate from_template(const JsonObject& object) {
    SequenceTemplate out{.parts = {}};
    for (const JsonObject& part : parts_of(object, "single")) {
        if (const auto special = part.object("SpecialToken")) {
            out.parts.push_back({.sequence = false, .ids = special_ids(object, needed_text(*special, "id"))});
        } else if (const auto sequence = part.object("Sequence")) {
            if (needed_text(*sequence, "id") != "A")
                sequence->wrong("id", "A in the template of one sequence");
            out.parts.push_back({.sequence = true});
        } else {
            object.wrong("single", "a list of SpecialToken and Sequence");
        }
    }
    return out;
}

}  // namespace

std::vector<std::int32_t> SequenceTemplate::around(const std::vector<std::int32_t>& ids) const {
    std::vector<std::int32_t> out;
    for (const Part& part : parts) {
        const std::vector<std::int32_t>& next = part.sequence ? ids : part.ids;
        out.insert(out.end(), next.begin(), next.end());
    }
    return out;
}

std::vector<SequenceTemplate> read_post_processor(const JsonObject& object) {
    const std::string type = needed_text(object, "type");
    if (type == "TemplateProcessing") return {from_template(object)};
    if (type == "BertProcessing" || type == "RobertaProcessing") return {first_and_last(object)};
    if (type == "ByteLevel") return {};  // about places in the text, which are not kept here
    if (type != "Sequence") object.wrong("type", "a post-processor that is known");
    std::vector<SequenceTemplate> all;
    for (const JsonObject& part : parts_of(object, "processors"))
        for (SequenceTemplate& one : read_post_processor(part)) all.push_back(std::move(one));
    std::size_t sequences = 1;
    for (const SequenceTemplate& one : all) {
        std::size_t named = 0;
        for (const SequenceTemplate::Part& part : one.parts) named += part.sequence ? 1 : 0;
        sequences *= named;
        if (sequences > most_parts) object.wrong("processors", "a sequence repeated less often");
    }
    return all;
}

}  // namespace deadscope
