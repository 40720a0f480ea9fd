# Embeds files into the program: one assembler file with an .incbin each, and the table that names them
# (read through core/base/assets.h). A changed file rebuilds the assembler file; a new one re-configures.

# deadscope_embed(TARGET PATH FILE [PATH FILE ...]): a library that holds FILE under the name PATH.
function(deadscope_embed target)
    set(pairs ${ARGN})
    set(assembly ".section .rodata\n")
    set(declarations "")
    set(rows "")
    set(files "")
    set(index 0)
    while(pairs)
        list(POP_FRONT pairs path file)
        set(symbol deadscope_asset_${index})
        # Aligned so that a tensor file can be read in place, and closed by a zero for C string readers.
        string(APPEND assembly ".balign 64\n.global ${symbol}\n${symbol}:\n.incbin \"${file}\"\n"
                               ".global ${symbol}_end\n${symbol}_end:\n.byte 0\n")
        string(APPEND declarations "extern const std::byte ${symbol}[];\nextern const std::byte ${symbol}_end[];\n")
        list(APPEND rows "        {\"${path}\", {${symbol}, ${symbol}_end}},\n")
        list(APPEND files ${file})
        math(EXPR index "${index} + 1")
    endwhile()
    list(SORT rows)  # by path: a quotation mark comes before every character of a name
    list(JOIN rows "" rows)
    string(APPEND assembly ".section .note.GNU-stack,\"\",@progbits\n")

    set(folder ${CMAKE_CURRENT_BINARY_DIR}/assets)
    file(CONFIGURE OUTPUT ${folder}/asset_bytes.S CONTENT "${assembly}" @ONLY)
    file(CONFIGURE OUTPUT ${folder}/asset_table.cpp @ONLY CONTENT
"// Written by core/assets.cmake at configure time.
#include \"core/base/assets.h\"

#include <array>

extern \"C\" {
${declarations}}

namespace deadscope::detail {

std::span<const Asset> embedded_assets() {
    static const std::array<Asset, ${index}> table{{
${rows}    }};
    return table;
}

}  // namespace deadscope::detail
")
    set_source_files_properties(${folder}/asset_bytes.S PROPERTIES OBJECT_DEPENDS "${files}")
    add_library(${target} STATIC ${folder}/asset_bytes.S ${folder}/asset_table.cpp)
    target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR})
endfunction()

# Everything below assets/ and shaders/ but notes, their pictures and scripts, under its path in the repository.
file(GLOB_RECURSE asset_paths CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}
     ${PROJECT_SOURCE_DIR}/assets/* ${PROJECT_SOURCE_DIR}/shaders/*)
list(FILTER asset_paths EXCLUDE REGEX "(\\.py|README\\.md|\\.pyc|~|\\.partial|\\.tmp)$|^assets/readme/")
set(asset_pairs "")
foreach(path IN LISTS asset_paths)
    list(APPEND asset_pairs ${path} ${PROJECT_SOURCE_DIR}/${path})
endforeach()

# The DejaVu fonts have the Greek and mathematical glyphs; they come from the system's package and travel
# inside the program. Their licence allows it.
if(DEADSCOPE_GRAPHICS)
    find_path(DEADSCOPE_DEJAVU DejaVuSans.ttf
              PATHS /usr/share/fonts/truetype/dejavu /usr/share/fonts/dejavu /usr/share/fonts/TTF
                    /usr/share/fonts/dejavu-sans-fonts NO_DEFAULT_PATH)
    if(NOT DEADSCOPE_DEJAVU)
        message(FATAL_ERROR "The DejaVu fonts were not found.\n"
                "  Debian, Ubuntu:  apt-get install fonts-dejavu-core\n"
                "  elsewhere:       -DDEADSCOPE_DEJAVU=/folder/that/holds/DejaVuSans.ttf")
    endif()
    foreach(font DejaVuSans.ttf DejaVuSans-Bold.ttf DejaVuSansMono.ttf)
        list(APPEND asset_pairs assets/fonts/${font} ${DEADSCOPE_DEJAVU}/${font})
    endforeach()
endif()

deadscope_embed(deadscope_assets ${asset_pairs})
