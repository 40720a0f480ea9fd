// Pickles that do what no checkpoint does: each is refused in words, names what it wanted, and nothing is
// done.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/machine.h"
#include "core/checkpoint/pickle.h"
#include "core/checkpoint/torch.h"
#include "core/checkpoint/torch_globals.h"
#include "tests/fixtures/model_files.h"
#include "tests/fixtures/pickle_writer.h"
#include "tests/fixtures/zip_writer.h"

namespace deadscope {
namespace {

namespace pickles = fixtures::pickles;
using fixtures::error_of;
using testing::AllOf;
using testing::HasSubstr;
using namespace std::string_literals;

Pickle read(const std::string& bytes) {
    return read_pickle(*MappedFile::borrow("evil.pkl", std::as_bytes(std::span(bytes))), 0, bytes.size(),
                       torch_globals());
}
std::string refusal(const std::string& bytes) {
    return error_of([&] { read(bytes); });
}
// The same pickle as a whole checkpoint.
std::string file_refusal(const std::string& pickle) {
    const std::string bytes = fixtures::torch_zip(pickle, {});
    return error_of([&] { open_torch(MappedFile::borrow("evil.bin", std::as_bytes(std::span(bytes)))); });
}

struct Evil {
    const char* what;
    std::string pickle;
    const char* named;
};

std::vector<Evil> evils() {
    const std::string command = pickles::tuple({pickles::text("touch /tmp/deadscope-canary")});
    const auto system = pickles::call(pickles::global("os", "system"), command);
    const auto stack_global = [](const std::string& module, const std::string& name) {
        return "\x8c" + std::string(1, static_cast<char>(module.size())) + module + "\x8c" +
               std::string(1, static_cast<char>(name.size())) + name + "\x93";
    };
    return {
        {"os.system called", pickles::whole(system), "os.system"},
        {"posix.system called", pickles::whole(pickles::call(pickles::global("posix", "system"), command)),
         "posix.system"},
        {"eval called", pickles::whole(pickles::call(pickles::global("builtins", "eval"), command)),
         "builtins.eval"},
        {"Python 2's eval", pickles::whole(pickles::call(pickles::global("__builtin__", "eval"), command)),
         "__builtin__.eval"},
        {"a name that is never called",
         pickles::whole(pickles::dict({{"unused", pickles::global("os", "system")}})), "os.system"},
        {"a name that is popped", pickles::whole(pickles::global("os", "system") + "0}"), "os.system"},
        {"a name from the stack", "\x80\x04" + stack_global("subprocess", "Popen") + ".", "subprocess.Popen"},
        {"a dotted name", "\x80\x04" + stack_global("torch", "_utils.os.system") + ".",
         "torch._utils.os.system"},
        {"a name whose parts come from the memo",
         "\x80\x04\x8c\x02os\x94\x8c\x06system\x94"
         "00h\x00h\x01\x93)R."s,
         "os.system"},
        {"an instance", "(X\x01\x00\x00\x00xios\nsystem\n."s, "os.system"},
        {"an object of a class", "\x80\x02(" + pickles::global("subprocess", "Popen") + "o.",
         "subprocess.Popen"},
        {"nested in a tensor's arguments",
         pickles::whole(
             pickles::call(pickles::global("torch._utils", "_rebuild_tensor_v2"), pickles::tuple({system}))),
         "os.system"},
        {"in a persistent id", pickles::whole(system + "Q"), "os.system"},
        {"nested bytes that torch would unpickle",
         pickles::whole(
             pickles::call(pickles::global("torch.storage", "_load_from_bytes"), pickles::tuple({"C\x01."}))),
         "torch.storage._load_from_bytes"},
        {"getattr", pickles::whole(pickles::global("builtins", "getattr")), "builtins.getattr"},
        {"a name close to an allowed one",
         pickles::whole(pickles::global("torch._utils", "_rebuild_tensor_v2 ")),
         "torch._utils._rebuild_tensor_v2 "},
        {"an allowed name of another module", pickles::whole(pickles::global("os", "OrderedDict")),
         "os.OrderedDict"},
        {"a whole module", pickles::whole(pickles::global("torch.nn.modules.linear", "Linear") + ")\x81}b"),
         "torch.nn.modules.linear.Linear"},
        {"a quantised tensor", pickles::whole(pickles::global("torch._utils", "_rebuild_qtensor")),
         "torch._utils._rebuild_qtensor"},
        {"numpy", pickles::whole(pickles::global("numpy.core.multiarray", "scalar")),
         "numpy.core.multiarray.scalar"},
        {"protocol 0", "cos\nsystem\n(S'id'\ntR.", "os.system"},
        {"behind the first pickle's end in a dictionary",
         pickles::whole("}(" + pickles::text("a") + system + "u"), "os.system"},
    };
}

TEST(Pickle, AnyOtherGlobalRefusesTheFileByName) {
    for (const Evil& evil : evils()) {
        EXPECT_THAT(refusal(evil.pickle), AllOf(HasSubstr(evil.named), HasSubstr("nothing in it was run")))
            << evil.what;
        EXPECT_THAT(file_refusal(evil.pickle), AllOf(HasSubstr(evil.named), HasSubstr("evil.bin")))
            << evil.what;
    }
}

TEST(Pickle, WhatWouldRunCodeIsRefused) {
    const std::string ordered = pickles::global("collections", "OrderedDict");
    const std::string float_type = pickles::global("torch", "FloatStorage");
    EXPECT_THAT(refusal("\x80\x02\x82\x01."s), HasSubstr("extension code"));
    EXPECT_THAT(refusal("\x80\x02\x83\x01\x00."s), HasSubstr("extension code"));
    EXPECT_THAT(refusal("\x80\x02\x84\x01\x00\x00\x00."s), HasSubstr("extension code"));
    EXPECT_THAT(refusal("\x80\x02Pos.system\n."s), HasSubstr("persistent id"));
    EXPECT_THAT(refusal(pickles::whole(ordered + ")\x81")), HasSubstr("new object"));
    EXPECT_THAT(refusal(pickles::whole(ordered + ")}\x92")), HasSubstr("new object"));
    EXPECT_THAT(refusal(pickles::whole(float_type + ")R")), HasSubstr("torch.FloatStorage"));
    EXPECT_THAT(refusal(pickles::whole(pickles::integer(3) + ")R")), HasSubstr("no name"));
    EXPECT_THAT(refusal(pickles::whole(float_type + "}b")), HasSubstr("BUILD"));
    EXPECT_THAT(refusal(pickles::whole(pickles::tensor({}) + pickles::dict({{"__setstate__", ")"}}) + "b")),
                HasSubstr("BUILD"));
    EXPECT_THAT(refusal(pickles::whole("}" + pickles::tuple({"N", "}"}) + "b")), HasSubstr("BUILD"));
    EXPECT_THAT(refusal("\x80\x05\x97."s), HasSubstr("buffer"));
    EXPECT_THAT(refusal("\x80\x04K\x01K\x02\x93."s), HasSubstr("STACK_GLOBAL"));
    EXPECT_THAT(refusal("\x80\x02\xff."s), HasSubstr("does not exist"));
    EXPECT_THAT(refusal("\x80\x09N."s), HasSubstr("protocol"));
}

TEST(Pickle, ClaimsOfSizeTakeNoMemory) {
    EXPECT_THAT(refusal("\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7fx."s), HasSubstr("cut short"));
    EXPECT_THAT(refusal("\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\xffx."s), HasSubstr("cut short"));
    EXPECT_THAT(refusal("\x80\x02X\xff\xff\xff\xffx."s), HasSubstr("cut short"));
    EXPECT_THAT(refusal("\x80\x02\x8b\xff\xff\xff\x7fx."s), HasSubstr("cut short"));
    EXPECT_THAT(refusal("\x80\x02j\xff\xff\xff\xff."s), HasSubstr("did not keep"));
    EXPECT_THAT(refusal("\x80\x02Nr\xff\xff\xff\xff"
                        "0j\xff\xff\xff\xff"s),
                HasSubstr("cut short"));  // no STOP
    EXPECT_THAT(refusal("cos"), HasSubstr("no end"));
    EXPECT_THAT(refusal(""), HasSubstr("cut short"));
}

TEST(Pickle, WrongUseOfTheStackIsRefused) {
    for (const char* pickle :
         {".",    "t.",    "e.",    "u.",     "0.",    "1.",     "2.",    "N(.",  "Ns.",          "a.",
          "R.",   "b.",    "Q.",    "\x85.",  "\x87.", "q\x01.", "}(Nu.", "(Nd.", "Nq\x01h\x02.", "]Ns.",
          "}Na.", "g1\n.", "gx\n.", "I1x\n.", "L\n.",  "S'x\n.", "\x93."})
        EXPECT_THAT(refusal(pickle), AllOf(HasSubstr("pickle"), HasSubstr("evil.pkl"))) << pickle;
}

// 2^60 values where each is a copy; three bytes more a level where they are shared.
TEST(Pickle, SharedValuesStaySmall) {
    std::string pickle = "\x80\x02]q\x00"s;
    for (int level = 0; level < 60; ++level) pickle += "0(h\x00h\x00tq\x00"s;
    const Pickle read_one = read(pickle + ".");
    EXPECT_EQ(read_one.size(), 61u);
    EXPECT_THAT(file_refusal(pickle + "."), HasSubstr("no dictionary"));
    // A dictionary of dictionaries, each twice, under the usual keys: walked a bounded way.
    std::string laughs = "\x80\x02}q\x00"s;
    for (int level = 0; level < 60; ++level)
        laughs += "0}(" + pickles::text("model") + "h\x00"s + pickles::text("state_dict") + "h\x00uq\x00"s;
    EXPECT_THAT(file_refusal(laughs + "."), HasSubstr("no dictionary"));
    // One that holds itself.
    EXPECT_THAT(file_refusal("\x80\x02}q\x00("s + pickles::text("state_dict") + "h\x00u."s),
                HasSubstr("no dictionary"));
    // A list that is given again and again to OrderedDict, the one call that copies.
    std::string pairs = "\x80\x02](";
    for (int i = 0; i < 1000; ++i) pairs += "NN\x86";
    pairs +=
        "e\x85q\x00"
        "0"s +
        pickles::global("collections", "OrderedDict") +
        "q\x01"
        "0"s;
    for (int i = 0; i < 20000; ++i) pairs += "h\x01h\x00R0"s;
    EXPECT_THAT(refusal(pairs + "N."), HasSubstr("more values"));
}

TEST(Pickle, DeepNestingNeedsNoStack) {
    const std::string deep(1'000'000, ']');
    std::string pickle = "\x80\x02" + deep;
    for (std::size_t i = 1; i < deep.size(); ++i) pickle += 'a';
    EXPECT_EQ(read(pickle + ".").size(), deep.size());
    EXPECT_THAT(file_refusal(pickle + "."), HasSubstr("no dictionary"));
    EXPECT_THAT(file_refusal("\x80\x02" + std::string(1'000'000, '(') + "."), HasSubstr("empty stack"));
}

TEST(Pickle, TooManyValuesOrInstructionsEnd) {
    EXPECT_THAT(refusal(std::string(5'000'000, 'N')), HasSubstr("more values"));
    EXPECT_THAT(refusal("N" + std::string(17'000'000, '2')), HasSubstr("more values"));
}

TEST(Pickle, ReadsEveryKindOfValue) {
    const Pickle all = read(
        "\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00\x00(NI01\nI42\nL-"
        "7L\nJ\xff\xff\xff\xffK\x05M\x00\x01\x8a\x01\x80G\x3f\xf8\x00\x00\x00\x00\x00\x00"
        "S'quoted'\nVplain\nU\x01uT\x01\x00\x00\x00t\x8c\x01s\x8d\x01\x00\x00\x00\x00\x00\x00\x00z"
        "C\x01"
        "b]\x8f(\x91}l."s);
    const auto& items = all[all.root()].items;
    ASSERT_EQ(items.size(), 20u);
    EXPECT_EQ(all[items[0]].kind, PickleKind::none);
    EXPECT_EQ(all[items[1]].kind, PickleKind::boolean);
    EXPECT_EQ(all.integer(items[2]), 42);
    EXPECT_EQ(all.integer(items[3]), -7);
    EXPECT_EQ(all.integer(items[4]), -1);
    EXPECT_EQ(all.integer(items[5]), 5);
    EXPECT_EQ(all.integer(items[6]), 256);
    EXPECT_EQ(all.integer(items[7]), -128);
    EXPECT_EQ(all[items[8]].real, 1.5);
    const std::vector<std::string> texts{"quoted", "plain", "u", "t", "s", "z", "b"};
    for (std::size_t i = 0; i < texts.size(); ++i) EXPECT_EQ(all.text(items[9 + i]), texts[i]);
    EXPECT_EQ(all[items[16]].kind, PickleKind::list);
    EXPECT_EQ(all[items[17]].kind, PickleKind::set);
    EXPECT_EQ(all[items[19]].kind, PickleKind::dict);
}

}  // namespace
}  // namespace deadscope
