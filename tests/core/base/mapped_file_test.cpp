// Files that are no files, and a file that shrinks under the reader.
#include "core/base/mapped_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

#include "tests/fixtures/model_files.h"

namespace deadscope {
namespace {

using fixtures::error_of;
using testing::AllOf;
using testing::HasSubstr;

TEST(MappedFile, ReadsRangesAndRefusesThoseBeyondTheEnd) {
    const fixtures::TemporaryFolder folder;
    fixtures::write_text(folder / "a", "0123456789");
    const auto file = MappedFile::open((folder / "a").string());
    EXPECT_EQ(file->size(), 10u);
    EXPECT_EQ(file->text(3, 4), "3456");
    EXPECT_EQ(file->text(10, 0), "");
    EXPECT_THAT(error_of([&] { (void)file->text(8, 4, "wte.weight"); }),
                AllOf(HasSubstr("wte.weight"), HasSubstr("byte 8")));
    EXPECT_THAT(error_of([&] { file->visit(~0ull, 4, {}, [](std::span<const std::byte>) {}); }),
                HasSubstr("ends before"));
}

TEST(MappedFile, AnEmptyFileIsAFile) {
    const fixtures::TemporaryFolder folder;
    fixtures::write_text(folder / "empty", "");
    EXPECT_EQ(MappedFile::open((folder / "empty").string())->text(0, 0), "");
}

TEST(MappedFile, RefusesWhatIsNoRegularFileAtOnce) {
    const fixtures::TemporaryFolder folder;
    const std::string pipe = (folder / "pipe").string();
    ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
    EXPECT_THAT(error_of([&] { MappedFile::open(pipe); }), AllOf(HasSubstr(pipe), HasSubstr("a pipe")));
    EXPECT_THAT(error_of([&] { MappedFile::open(folder.path().string()); }), HasSubstr("a folder"));
    EXPECT_THAT(error_of([] { MappedFile::open("/dev/zero"); }), HasSubstr("a device"));
    EXPECT_THAT(error_of([&] { MappedFile::open((folder / "none").string()); }), HasSubstr("does not exist"));
    EXPECT_THAT(error_of([] { MappedFile::open(std::string("a\0b", 3)); }), HasSubstr("a\\x00b"));
}

TEST(MappedFile, AFileThatShrankIsAnErrorBeyondItsLastPage) {
    const fixtures::TemporaryFolder folder;
    const std::string path = (folder / "weights").string();
    fixtures::write_text(path, std::string(64 * 4096, 'x'));
    const auto file = MappedFile::open(path);
    ASSERT_EQ(truncate(path.c_str(), 4096), 0);
    EXPECT_THAT(
        error_of([&] { (void)file->text(32 * 4096, 4096, "h.1.ln_1.weight"); }),
        AllOf(HasSubstr(path), HasSubstr("h.1.ln_1.weight"), HasSubstr("shorter"), HasSubstr("found 4096")));
}

TEST(MappedFile, AFileThatShrankIsAnErrorWithinItsLastPageToo) {
    const fixtures::TemporaryFolder folder;
    const std::string path = (folder / "weights").string();
    fixtures::write_text(path, std::string(4000, 'x'));
    const auto file = MappedFile::open(path);
    ASSERT_EQ(truncate(path.c_str(), 10), 0);
    EXPECT_THAT(error_of([&] { (void)file->text(100, 100, "t"); }), HasSubstr("shorter"));
    fixtures::write_text(path, std::string(4000, 'y'));
    EXPECT_EQ(file->text(0, 1), "y");  // readable again: the guard left nothing behind
}

std::sig_atomic_t volatile foreign_faults = 0;

TEST(MappedFile, AnybodyElsesFaultReachesTheHandlerThatStoodBefore) {
    // In a process of its own: the guard is installed once, so another handler must stand before it does.
    EXPECT_EXIT(
        {
            struct sigaction action {};
            action.sa_handler = [](int) { _exit(foreign_faults == 0 ? 42 : 43); };
            sigaction(SIGBUS, &action, nullptr);
            const fixtures::TemporaryFolder folder;
            fixtures::write_text(folder / "a", "text");
            const auto file = MappedFile::open((folder / "a").string());
            (void)file->text(0, 4);
            raise(SIGBUS);
            _exit(1);
        },
        testing::ExitedWithCode(42), "");
}

TEST(ReadTextFile, BoundsTheSize) {
    const fixtures::TemporaryFolder folder;
    fixtures::write_text(folder / "a", "0123456789");
    EXPECT_EQ(read_text_file((folder / "a").string(), 10), "0123456789");
    EXPECT_THAT(error_of([&] { read_text_file((folder / "a").string(), 9); }),
                AllOf(HasSubstr("at most 9"), HasSubstr("found 10")));
}

}  // namespace
}  // namespace deadscope
