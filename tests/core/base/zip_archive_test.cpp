// Zip archives: right ones of every kind, and those that contradict themselves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "core/base/zip_archive.h"
#include "tests/fixtures/model_files.h"
#include "tests/fixtures/zip_writer.h"

namespace deadscope {
namespace {

using fixtures::error_of;
using fixtures::zip_bytes;
using fixtures::ZipPart;
using testing::AllOf;
using testing::HasSubstr;

ZipArchive archive_of(const std::string& bytes) {
    return ZipArchive(MappedFile::borrow("a.zip", std::as_bytes(std::span(bytes))));
}
// Opens the archive and reads every entry.
std::string refusal(const std::string& bytes) {
    return error_of([&] {
        const ZipArchive archive = archive_of(bytes);
        for (const ZipEntry& entry : archive.entries()) (void)archive.text(entry, 1u << 20);
    });
}

const std::string long_text = [] {
    std::string text;
    for (int i = 0; i < 40'000; ++i) text += std::to_string(i * 7919 % 1009) + " ";
    return text;
}();

TEST(ZipArchive, ReadsStoredAndPackedEntriesOfEveryKind) {
    const std::string bytes =
        zip_bytes({{.name = "a", .bytes = "stored"},
                   {.name = "dir/b", .bytes = long_text, .deflate = true},
                   {.name = "large", .bytes = "wide sizes", .zip64 = true},
                   {.name = "stream", .bytes = "sizes behind", .follow = true},
                   {.name = "empty", .bytes = ""},
                   {.name = "nothing packed", .bytes = "", .deflate = true}},
                  "a comment with PK\x05\x06 in it, as if it were the end of the archive");
    const ZipArchive archive = archive_of(bytes);
    ASSERT_EQ(archive.entries().size(), 6u);
    EXPECT_EQ(archive.text(*archive.find("a"), 100), "stored");
    EXPECT_EQ(archive.text(*archive.find("dir/b"), 1u << 20), long_text);
    EXPECT_EQ(archive.text(*archive.find("large"), 100), "wide sizes");
    EXPECT_EQ(archive.text(*archive.find("stream"), 100), "sizes behind");
    EXPECT_EQ(archive.text(*archive.find("empty"), 100), "");
    EXPECT_EQ(archive.text(*archive.find("nothing packed"), 100), "");
    EXPECT_EQ(archive.find("none"), nullptr);
    EXPECT_EQ(bytes.substr(archive.data(*archive.find("a")), 6), "stored");
}

TEST(ZipArchive, PackedEntriesAreReadInPieces) {
    const std::string bytes = zip_bytes({{.name = "b", .bytes = long_text, .deflate = true}});
    const ZipArchive archive = archive_of(bytes);
    ZipReader reader(archive, archive.entries()[0]);
    std::string found;
    for (std::size_t size = 1; reader.left() > 0; size = size * 3 + 1) {
        std::string piece(std::min<std::uint64_t>(size, reader.left()), '\0');
        reader.read(std::as_writable_bytes(std::span(piece)));
        found += piece;
    }
    EXPECT_EQ(found, long_text);
    std::byte more{};
    EXPECT_THAT(error_of([&] { reader.read(std::span(&more, 1)); }), HasSubstr("More was asked"));
}

TEST(ZipArchive, AWrongChecksumIsSaidOnceTheEntryHasBeenReadWhole) {
    const std::string bytes = zip_bytes({{.name = "right", .bytes = "text"},
                                         {.name = "right again", .bytes = "TEXT"},
                                         {.name = "wrong", .bytes = "text", .crc = 1},
                                         {.name = "packed", .bytes = long_text, .deflate = true, .crc = 1}});
    const ZipArchive archive = archive_of(bytes);
    const auto warning = [&] { return archive.checksums().warning("folder/a.zip"); };
    ZipReader whole(archive, *archive.find("right"));
    std::string some(4, ' ');
    whole.read(std::as_writable_bytes(std::span(some)));
    EXPECT_EQ(warning(), "");
    const auto look = [&](const char* name, std::uint64_t offset, std::uint64_t count) {
        const ZipEntry& entry = *archive.find(name);
        archive.visit(entry, archive.data(entry), {offset, count}, name, [](std::span<const std::byte>) {});
    };
    for (const char* name : {"right again", "wrong"}) {  // in any order, and more than once
        look(name, 3, 1);
        look(name, 1, 1);
        look(name, 1, 1);
        look(name, 0, 2);  // partly known: not news
        look(name, 2, 1);
        EXPECT_EQ(warning(), "");
        look(name, 0, 1);
    }
    EXPECT_THAT(warning(), AllOf(HasSubstr("'wrong'"), HasSubstr("a.zip"), HasSubstr("checksum")));
    (void)archive.text(*archive.find("packed"), 1u << 20);
    EXPECT_THAT(warning(), HasSubstr("2 entries"));
}

TEST(ZipArchive, AWrongChecksumAloneIsNoReasonToRefuse) {
    EXPECT_EQ(refusal(zip_bytes({{.name = "a", .bytes = "x", .crc = 1}})), refusal(zip_bytes({})));
}

TEST(ZipArchive, ALocalHeaderThatContradictsTheDirectoryIsAnError) {
    const auto contradicts = AllOf(HasSubstr("contradicts"), HasSubstr("'a'"), HasSubstr("a.zip"));
    EXPECT_THAT(refusal(zip_bytes({{.name = "a", .bytes = "text", .local_name = "b"}})), contradicts);
    EXPECT_THAT(refusal(zip_bytes({{.name = "a", .bytes = "text", .local_size = 3}})), contradicts);
    EXPECT_THAT(refusal(zip_bytes({{.name = "a", .bytes = "text", .local_method = 8}})), contradicts);
    EXPECT_THAT(refusal(zip_bytes({{.name = "a", .bytes = "text", .header = 1}})), HasSubstr("overlaps"));
    EXPECT_THAT(
        refusal(zip_bytes({{.name = "x", .bytes = "text"}, {.name = "a", .bytes = "text", .header = 30}})),
        HasSubstr("overlaps"));
    EXPECT_THAT(
        refusal(zip_bytes({{.name = "a", .bytes = "text", .local_name = "a longer name than the space"}})),
        contradicts);
}

TEST(ZipArchive, ImpossibleDirectoriesAreRefused) {
    EXPECT_THAT(refusal(zip_bytes({{.name = "a", .bytes = "1"}, {.name = "a", .bytes = "2"}})),
                AllOf(HasSubstr("two entries"), HasSubstr("'a'")));
    EXPECT_THAT(refusal(zip_bytes({{.name = "a", .bytes = "1", .size = 0x7FFFFFFF}})), HasSubstr("overlaps"));
    EXPECT_THAT(refusal(zip_bytes({{.name = "a", .bytes = "1", .size = 0xFFFFFFFF}})),
                HasSubstr("size is missing"));
    EXPECT_THAT(refusal(zip_bytes({{.name = "a", .bytes = "1", .flags = 1}})), HasSubstr("encrypted"));
    EXPECT_THAT(refusal("no zip at all"), HasSubstr("cut short"));
    EXPECT_THAT(refusal(""), HasSubstr("cut short"));
    std::string bytes = zip_bytes({{.name = "a", .bytes = "1"}});
    bytes[bytes.size() - 12] = '\x7f';  // entries of the directory
    EXPECT_THAT(refusal(bytes), HasSubstr("directory"));
    bytes = zip_bytes({{.name = "a", .bytes = "1"}});
    bytes[bytes.size() - 3] = '\x7f';  // its place
    EXPECT_THAT(refusal(bytes), HasSubstr("directory"));
}

TEST(ZipArchive, PackedDataThatLiesIsRefused) {
    std::string bytes = zip_bytes({{.name = "a", .bytes = long_text, .deflate = true}});
    const std::size_t data = archive_of(bytes).data(archive_of(bytes).entries()[0]);
    for (std::size_t i = data; i < data + 400; ++i) bytes[i] = '\xff';
    EXPECT_THAT(refusal(bytes), HasSubstr("damaged"));
    const ZipArchive archive = archive_of(bytes);
    EXPECT_THAT(error_of([&] { (void)archive.text(archive.entries()[0], 10); }), HasSubstr("larger than"));
    // A claim beyond what deflate can reach takes no memory.
    bytes = zip_bytes({{.name = "a", .bytes = std::string(1u << 20, 'x'), .deflate = true}});
    const std::size_t place = bytes.rfind("PK\x01\x02") + 24;
    const std::uint32_t claim = 0xF0000000u;
    std::memcpy(bytes.data() + place, &claim, sizeof(claim));
    EXPECT_THAT(error_of([&] {
                    const ZipArchive lying = archive_of(bytes);
                    (void)lying.text(lying.entries()[0], ~std::uint64_t{0});
                }),
                HasSubstr("cannot hold"));
}

TEST(ZipArchive, EveryTruncationAndTurnedBitEndsInWords) {
    const std::string bytes = zip_bytes({{.name = "a", .bytes = "stored"},
                                         {.name = "b", .bytes = std::string(300, 'x'), .deflate = true},
                                         {.name = "c", .bytes = "wide", .zip64 = true}});
    const std::string fine = refusal(bytes);
    for (std::size_t length = 0; length < bytes.size(); ++length)
        EXPECT_NE(refusal(bytes.substr(0, length)), fine) << length;
    for (std::size_t i = 0; i < bytes.size() * 8; ++i) {
        std::string turned = bytes;
        turned[i / 8] = static_cast<char>(turned[i / 8] ^ (1 << (i % 8)));
        (void)refusal(turned);  // anything but a crash
    }
}

}  // namespace
}  // namespace deadscope
