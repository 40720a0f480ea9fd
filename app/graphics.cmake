# The third-party graphics libraries, built from the pinned imgui-bundle source distribution:
# imgui, hello_imgui, implot, implot3d, imgui_rich_md (with MicroTeX), imgui_command_palette, glfw,
# imgui_test_engine. They end in one target, deadscope_graphics.
# None of them links libGL, libEGL or libX11: GLFW and glad open these at run time, when a window is
# wanted. The bundle's own CMake links them, so the libraries are listed here instead.

set(BUNDLE_VERSION 1.93.0)
set(BUNDLE_SHA256 10ad1dab8258a6787b4f07bb926b08d0efc648a7906242568c8dd778c5e719bf)
set(BUNDLE_FOLDERS
    external/imgui/imgui external/hello_imgui/hello_imgui external/implot/implot external/implot3d/implot3d
    external/imgui_test_engine/imgui_test_engine/imgui_test_engine
    external/imgui_rich_md/imgui_rich_md external/imgui_microtex/MicroTeX/CMakeLists.txt
    external/imgui_microtex/MicroTeX/MicroTeXInstall.cmake external/imgui_microtex/MicroTeX/LICENSE
    external/imgui_microtex/MicroTeX/lib external/imgui_microtex/MicroTeX/res
    external/portable_file_dialogs
    external/imgui-command-palette/imgui-command-palette external/glfw/glfw)

# Downloads with pip, whose settings (proxy, mirror, certificate) the person has made already.
function(fetch_bundle_archive folder archive)
    find_program(DEADSCOPE_PYTHON python3)
    set(fix
        "Any of these mends it:\n"
        "  apt-get install python3 python3-pip   (when pip is missing)\n"
        "  python3 -m pip download --no-deps --no-binary imgui-bundle imgui-bundle==${BUNDLE_VERSION} -d ${folder}\n"
        "      (on any machine with network, then copy the .tar.gz to ${folder})\n"
        "  cmake -DDEADSCOPE_IMGUI_BUNDLE=/folder/imgui_bundle-${BUNDLE_VERSION}   (unpacked by you)\n"
        "  cmake -DDEADSCOPE_GRAPHICS=OFF   (the library and its tests only)")
    string(JOIN "" fix ${fix})
    if(NOT DEADSCOPE_PYTHON)
        message(FATAL_ERROR "imgui-bundle ${BUNDLE_VERSION} is needed and python3 is not there to fetch it.\n${fix}")
    endif()
    message(STATUS "Fetching imgui-bundle ${BUNDLE_VERSION} (54 MB, once) into ${folder}")
    execute_process(
        COMMAND ${DEADSCOPE_PYTHON} -m pip download --quiet --no-deps --no-binary imgui-bundle
                imgui-bundle==${BUNDLE_VERSION} -d ${folder}
        RESULT_VARIABLE status ERROR_VARIABLE log)
    if(NOT status EQUAL 0 OR NOT EXISTS ${archive})
        message(FATAL_ERROR "imgui-bundle ${BUNDLE_VERSION} could not be fetched:\n${log}\n${fix}")
    endif()
endfunction()

# Sets BUNDLE to the unpacked sources, shared by all presets.
function(provide_bundle)
    if(DEADSCOPE_IMGUI_BUNDLE)
        if(NOT EXISTS ${DEADSCOPE_IMGUI_BUNDLE}/external/hello_imgui)
            message(FATAL_ERROR "DEADSCOPE_IMGUI_BUNDLE=${DEADSCOPE_IMGUI_BUNDLE} has no external/hello_imgui: "
                    "expected an unpacked imgui_bundle-${BUNDLE_VERSION}.tar.gz")
        endif()
        set(BUNDLE ${DEADSCOPE_IMGUI_BUNDLE}/external PARENT_SCOPE)
        return()
    endif()
    set(deps ${PROJECT_SOURCE_DIR}/.deps)
    set(unpacked ${deps}/imgui-bundle-${BUNDLE_VERSION})
    set(BUNDLE ${unpacked}/external PARENT_SCOPE)
    if(EXISTS ${unpacked}/complete)
        return()
    endif()
    set(archive ${deps}/imgui_bundle-${BUNDLE_VERSION}.tar.gz)
    if(NOT EXISTS ${archive})
        fetch_bundle_archive(${deps} ${archive})
    endif()
    file(SHA256 ${archive} found)
    if(NOT found STREQUAL BUNDLE_SHA256)
        message(FATAL_ERROR "${archive} is not the file that was pinned.\n  expected SHA-256 ${BUNDLE_SHA256}\n"
                "  found            ${found}\n  Remove it and configure again.")
    endif()
    message(STATUS "Unpacking imgui-bundle ${BUNDLE_VERSION}")
    list(TRANSFORM BUNDLE_FOLDERS PREPEND imgui_bundle-${BUNDLE_VERSION}/ OUTPUT_VARIABLE folders)
    # Unpacked beside its place and renamed, so that an interrupted configure leaves nothing half done.
    set(partial ${deps}/unpacking)
    file(REMOVE_RECURSE ${partial} ${unpacked})
    file(MAKE_DIRECTORY ${partial})
    file(ARCHIVE_EXTRACT INPUT ${archive} DESTINATION ${partial} PATTERNS ${folders}
         imgui_bundle-${BUNDLE_VERSION}/LICENSE)
    file(RENAME ${partial}/imgui_bundle-${BUNDLE_VERSION} ${unpacked})
    file(REMOVE_RECURSE ${partial})
    file(TOUCH ${unpacked}/complete)
endfunction()

# A static library of third-party sources: no warnings from it, and its headers are system headers.
function(add_foreign_library name)
    add_library(${name} STATIC EXCLUDE_FROM_ALL ${ARGN})
    mark_foreign(${name})
endfunction()

function(mark_foreign)
    foreach(name IN LISTS ARGN)
        target_compile_options(${name} PRIVATE -w)
        set_target_properties(${name} PROPERTIES SYSTEM ON CXX_CLANG_TIDY "")
    endforeach()
endfunction()

provide_bundle()
find_package(Freetype REQUIRED)

# ---- GLFW. X11 by dlopen; a Wayland desktop is reached through XWayland.
set(GLFW_BUILD_DOCS OFF CACHE INTERNAL "")
set(GLFW_BUILD_TESTS OFF CACHE INTERNAL "")
set(GLFW_BUILD_EXAMPLES OFF CACHE INTERNAL "")
set(GLFW_INSTALL OFF CACHE INTERNAL "")
set(GLFW_BUILD_WAYLAND OFF CACHE INTERNAL "")
set(GLFW_LIBRARY_TYPE STATIC CACHE INTERNAL "")
add_subdirectory(${BUNDLE}/glfw/glfw ${CMAKE_CURRENT_BINARY_DIR}/glfw EXCLUDE_FROM_ALL)
mark_foreign(glfw)

# ---- Dear ImGui (docking) with its GLFW and OpenGL 3 backends; app/imgui_config.h is its configuration.
set(imgui_dir ${BUNDLE}/imgui/imgui)
file(GLOB imgui_sources ${imgui_dir}/*.cpp)
add_foreign_library(imgui ${imgui_sources} ${imgui_dir}/misc/cpp/imgui_stdlib.cpp
    ${imgui_dir}/backends/imgui_impl_glfw.cpp ${imgui_dir}/backends/imgui_impl_opengl3.cpp)
target_include_directories(imgui PUBLIC ${imgui_dir} ${imgui_dir}/backends ${imgui_dir}/misc/cpp)
target_include_directories(imgui PRIVATE ${PROJECT_SOURCE_DIR})
target_compile_definitions(imgui PUBLIC IMGUI_USER_CONFIG="${CMAKE_CURRENT_SOURCE_DIR}/imgui_config.h")
target_link_libraries(imgui PUBLIC glfw ${CMAKE_DL_LIBS})
# GLFW's header brings the system's GL header unless told not to, and a bare system has none.
set_source_files_properties(${imgui_dir}/backends/imgui_impl_glfw.cpp PROPERTIES COMPILE_DEFINITIONS GLFW_INCLUDE_NONE=)

# ---- Hello ImGui on GLFW and OpenGL 3, with glad as the loader that our own GL code uses too.
set(hello_dir ${BUNDLE}/hello_imgui/hello_imgui)
file(GLOB_RECURSE hello_sources ${hello_dir}/src/hello_imgui/*.cpp ${hello_dir}/src/hello_imgui/*.c)
add_foreign_library(glad ${hello_dir}/external/OpenGL_Loaders/glad/src/glad.c)
target_include_directories(glad PUBLIC ${hello_dir}/external/OpenGL_Loaders/glad/include)
target_link_libraries(glad PUBLIC ${CMAKE_DL_LIBS})
add_foreign_library(stb ${hello_dir}/external/stb_hello_imgui/stb_impl_hello_imgui.cpp)
target_include_directories(stb PUBLIC ${hello_dir}/external/stb_hello_imgui)
target_compile_definitions(stb PRIVATE STB_IMAGE_IMPLEMENTATION STB_IMAGE_WRITE_IMPLEMENTATION)
add_foreign_library(hello_imgui ${hello_sources})
target_include_directories(hello_imgui PUBLIC ${hello_dir}/src)
target_compile_definitions(hello_imgui PUBLIC
    HELLOIMGUI_USE_GLFW3 HELLOIMGUI_USE_GLFW HELLOIMGUI_HAS_OPENGL HELLOIMGUI_HAS_OPENGL3
    HELLOIMGUI_USE_GLAD IMGUI_IMPL_OPENGL_LOADER_GLAD)
target_compile_definitions(hello_imgui PRIVATE GLFW_INCLUDE_NONE=)
target_link_libraries(hello_imgui PUBLIC imgui glad stb nlohmann_json::nlohmann_json)

# ---- Plots, command palette, file dialogs.
# Plots are of these types only: with all thirteen, ImPlot alone takes minutes to compile.
set(plot_types "(signed int)(float)(double)")
add_foreign_library(implot ${BUNDLE}/implot/implot/implot.cpp ${BUNDLE}/implot/implot/implot_items.cpp)
target_compile_definitions(implot PRIVATE "IMPLOT_CUSTOM_NUMERIC_TYPES=${plot_types}")
target_include_directories(implot PUBLIC ${BUNDLE}/implot ${BUNDLE}/implot/implot)
target_link_libraries(implot PUBLIC imgui)
file(GLOB implot3d_sources ${BUNDLE}/implot3d/implot3d/*.cpp)
list(FILTER implot3d_sources EXCLUDE REGEX "_demo\\.cpp$")
add_foreign_library(implot3d ${implot3d_sources})
target_compile_definitions(implot3d PRIVATE "IMPLOT3D_CUSTOM_NUMERIC_TYPES=${plot_types}")
target_include_directories(implot3d PUBLIC ${BUNDLE}/implot3d ${BUNDLE}/implot3d/implot3d)
target_link_libraries(implot3d PUBLIC imgui)
file(GLOB palette_sources ${BUNDLE}/imgui-command-palette/imgui-command-palette/*.cpp)
add_foreign_library(imgui_command_palette ${palette_sources})
target_include_directories(imgui_command_palette PUBLIC ${BUNDLE}/imgui-command-palette)
target_link_libraries(imgui_command_palette PUBLIC imgui)
add_library(portable_file_dialogs INTERFACE)
target_include_directories(portable_file_dialogs SYSTEM INTERFACE ${BUNDLE}/portable_file_dialogs)

# ---- Markdown with formulas: its own CMake serves, since it takes our imgui; its assets are embedded.
set(IMGUI_RICHMD_WITH_LATEX ON CACHE INTERNAL "")
set(IMGUI_RICHMD_WITH_MERMAID OFF CACHE INTERNAL "")
set(IMGUI_RICHMD_WITH_CODE_EDITOR OFF CACHE INTERNAL "")
set(IMGUI_RICHMD_WITH_DOWNLOAD_IMAGES OFF CACHE INTERNAL "")
set(IMGUI_RICHMD_EMBED_ASSETS ON CACHE INTERNAL "")
set(IMGUI_RICHMD_BUILD_EXAMPLES OFF CACHE INTERNAL "")
set(IMGUI_RICHMD_STB_IMAGE_IMPLEMENTATION OFF CACHE INTERNAL "")
set(IMGUI_RICHMD_MICROTEX_DIR ${BUNDLE}/imgui_microtex/MicroTeX CACHE INTERNAL "")
set(MICROTEX_BUILD_STATIC ON CACHE INTERNAL "")
add_subdirectory(${BUNDLE}/imgui_rich_md/imgui_rich_md ${CMAKE_CURRENT_BINARY_DIR}/imgui_rich_md EXCLUDE_FROM_ALL)
mark_foreign(imgui_rich_md imgui_rich_md_latex microtex)
target_link_libraries(imgui_rich_md PUBLIC stb)
# MicroTeX asks for the locale en_US.UTF-8, which a bare system has not: every formula would fail. This
# one file takes the C locale where __WIN32__ is defined; it tells digits and cases by it, nothing else.
set_source_files_properties(${BUNDLE}/imgui_microtex/MicroTeX/lib/utils/utils.cpp
    TARGET_DIRECTORY microtex PROPERTIES COMPILE_DEFINITIONS __WIN32__)

add_library(deadscope_graphics INTERFACE)
target_link_libraries(deadscope_graphics INTERFACE
    hello_imgui implot implot3d imgui_rich_md imgui_command_palette portable_file_dialogs)

# ---- The test engine. imgui calls into it, and it into imgui: a cycle of static libraries, which CMake allows.
if(DEADSCOPE_TEST_ENGINE)
    set(engine_dir ${BUNDLE}/imgui_test_engine/imgui_test_engine)
    file(GLOB engine_sources ${engine_dir}/imgui_test_engine/*.cpp)
    add_foreign_library(imgui_test_engine ${engine_sources})
    target_include_directories(imgui_test_engine PUBLIC ${engine_dir} ${engine_dir}/imgui_test_engine)
    target_compile_definitions(imgui_test_engine PRIVATE
        IMGUI_DISABLE_STB_IMAGE_WRITE_IMPLEMENTATION
        IMGUI_STB_IMAGE_WRITE_FILENAME="${hello_dir}/external/stb_hello_imgui/stb_image_write.h")
    target_link_libraries(imgui_test_engine PUBLIC imgui stb)
    target_link_libraries(imgui PUBLIC imgui_test_engine)
    target_compile_definitions(imgui PUBLIC DEADSCOPE_TEST_ENGINE
        IMGUI_ENABLE_TEST_ENGINE IMGUI_TEST_ENGINE_ENABLE_CAPTURE=1
        IMGUI_TEST_ENGINE_ENABLE_STD_FUNCTION=1 IMGUI_TEST_ENGINE_ENABLE_COROUTINE_STDTHREAD_IMPL=1)
    target_sources(hello_imgui PRIVATE
        ${hello_dir}/src/hello_imgui_test_engine_integration/test_engine_integration.cpp)
    target_compile_definitions(hello_imgui PUBLIC HELLOIMGUI_WITH_TEST_ENGINE)
    target_link_libraries(deadscope_graphics INTERFACE imgui_test_engine)
endif()
