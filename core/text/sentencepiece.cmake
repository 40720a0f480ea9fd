# deadscope_sentencepiece.so, beside the program: loaded with the first model file that needs the library, whose
# start-up would cost every command a twentieth of the time that reading γ takes. It takes nothing from
# deadscope_core but a header.
find_path(DEADSCOPE_SENTENCEPIECE_INCLUDE sentencepiece_processor.h REQUIRED)
find_library(DEADSCOPE_SENTENCEPIECE NAMES sentencepiece REQUIRED)
add_library(deadscope_sentencepiece MODULE ${CMAKE_CURRENT_SOURCE_DIR}/text/sentencepiece/sentencepiece_module.cpp)
target_include_directories(deadscope_sentencepiece PRIVATE ${PROJECT_SOURCE_DIR})
target_include_directories(deadscope_sentencepiece SYSTEM PRIVATE ${DEADSCOPE_SENTENCEPIECE_INCLUDE})
target_link_libraries(deadscope_sentencepiece PRIVATE deadscope_warnings ${DEADSCOPE_SENTENCEPIECE})
set_target_properties(deadscope_sentencepiece PROPERTIES
    PREFIX "" CXX_VISIBILITY_PRESET hidden LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
install(TARGETS deadscope_sentencepiece LIBRARY DESTINATION lib/deadscope)
add_dependencies(deadscope_core deadscope_sentencepiece)  # opened at run time
