// Lists as people write them, and names of reports that are safe, unlike one another and stable.
#include "core/batch/list.h"

#include <gtest/gtest.h>

#include <set>

#include "core/base/error.h"

namespace deadscope {
namespace {

std::vector<std::string> models(std::string_view text) {
    std::vector<std::string> out;
    for (const BatchEntry& entry : parse_batch_list(text, "list")) out.push_back(entry.model);
    return out;
}

std::string name_of(const std::string& model) {
    return parse_batch_list(model, "list").front().name;
}

TEST(BatchList, CommentsBlanksAndRepetitionsAreLeftOut) {
    const std::vector<std::string> expected{"zoo:a", "org/b@main", "c d/e", "m#vision"};
    EXPECT_EQ(models("# first\nzoo:a\r\n\n  org/b@main\t\n   # more\nc d/e\nzoo:a\nm#vision"), expected);
    EXPECT_EQ(models("\xEF\xBB\xBFzoo:a"), std::vector<std::string>{"zoo:a"});
}

TEST(BatchList, LinesAreCountedAsAnEditorDoes) {
    const auto entries = parse_batch_list("# a\n\nx\r\n\ny", "list");
    EXPECT_EQ(entries[0].line, 3u);
    EXPECT_EQ(entries[1].line, 5u);
}

TEST(BatchList, AListOfNothingIsRefused) {
    for (const char* text : {"", "\n \n", "# zoo:a\n", "\r\n#"})
        EXPECT_THROW(parse_batch_list(text, "list"), Error);
    EXPECT_THROW(read_batch_list("/no/such/list"), Error);
}

TEST(BatchList, ABadLineIsMarkedAndTheOthersStay) {
    const auto entries = parse_batch_list(
        "good\nbad\x01"
        "line\n" +
            std::string(5000, 'x') + "\nlast",
        "list");
    ASSERT_EQ(entries.size(), 4u);
    EXPECT_EQ(entries[0].fault, "");
    EXPECT_NE(entries[1].fault, "");
    EXPECT_NE(entries[2].fault, "");
    EXPECT_EQ(entries[3].fault, "");
    for (const BatchEntry& entry : entries) EXPECT_LE(entry.name.size(), 140u);
    EXPECT_NE(parse_batch_list(std::string_view("a\0b", 3), "list").front().fault, "");
}

TEST(BatchList, NamesAreFilesNames) {
    EXPECT_EQ(name_of("zoo:gpt-layernorm@0"), "zoo_gpt-layernorm@0");
    EXPECT_EQ(name_of("EleutherAI/pythia-160m@step1000"), "EleutherAI_pythia-160m@step1000");
    EXPECT_EQ(name_of("../models/step 10/"), "models_step_10");
    EXPECT_EQ(name_of("./x.gguf"), "x.gguf");
    EXPECT_EQ(name_of("-x"), "_-x");
    EXPECT_EQ(name_of("/"), "_");
    EXPECT_EQ(name_of("\xC3\xA9\xFF"), "_");
    EXPECT_EQ(name_of("a\";b"), "a__b");
}

TEST(BatchList, NamesThatWouldMeetArePartedByTheirModels) {
    const auto entries = parse_batch_list("a/b\na_b\nA/B\nother", "list");
    std::set<std::string> names;
    for (const BatchEntry& entry : entries) names.insert(entry.name);
    EXPECT_EQ(names.size(), 4u);
    EXPECT_EQ(entries[3].name, "other");
    EXPECT_TRUE(entries[0].name.starts_with("a_b-"));
    EXPECT_EQ(parse_batch_list("A/B\na/b", "list")[1].name, entries[0].name);  // in any order
}

}  // namespace
}  // namespace deadscope
