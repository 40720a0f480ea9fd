# deadscope_mpi.so, beside the program: loaded under mpirun only, so that the program itself needs no libmpi.
# It takes nothing from deadscope_core but headers.
if(NOT DEADSCOPE_MPI STREQUAL "OFF")
    find_package(MPI QUIET COMPONENTS C)
    if(DEADSCOPE_MPI STREQUAL "ON" AND NOT MPI_C_FOUND)
        message(FATAL_ERROR "DEADSCOPE_MPI is ON and no MPI was found (Debian: libopenmpi-dev)")
    endif()
endif()
if(MPI_C_FOUND AND NOT DEADSCOPE_MPI STREQUAL "OFF")
    add_library(deadscope_mpi MODULE ${CMAKE_CURRENT_SOURCE_DIR}/cluster/mpi/mpi_ranks.cpp)
    target_include_directories(deadscope_mpi PRIVATE ${PROJECT_SOURCE_DIR})
    target_link_libraries(deadscope_mpi PRIVATE deadscope_warnings MPI::MPI_C Threads::Threads)
    set_target_properties(deadscope_mpi PROPERTIES
        PREFIX "" CXX_VISIBILITY_PRESET hidden LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
    install(TARGETS deadscope_mpi LIBRARY DESTINATION lib/deadscope)
endif()
