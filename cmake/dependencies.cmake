# Every library that attnspec stands on. tools/packages.txt names the Debian packages that bring them.
find_package(Threads REQUIRED)
find_package(fmt 9 REQUIRED)
find_package(CLI11 2.1 REQUIRED)
find_package(Eigen3 3.4 REQUIRED NO_MODULE)
find_package(nlohmann_json 3.9 REQUIRED)
find_package(Boost 1.74 REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
set(HDF5_PREFER_PARALLEL OFF)
find_package(HDF5 1.10 REQUIRED COMPONENTS C)

# Debian's OpenBLAS brings no LAPACKE of its own; the two come from different packages.
find_library(ATTNSPEC_OPENBLAS NAMES openblas REQUIRED)
find_library(ATTNSPEC_LAPACKE NAMES lapacke REQUIRED)
find_path(ATTNSPEC_CBLAS_INCLUDE cblas.h REQUIRED PATH_SUFFIXES openblas openblas-pthread)
find_path(ATTNSPEC_LAPACKE_INCLUDE lapacke.h REQUIRED PATH_SUFFIXES openblas lapacke)

# A chunk's filters: deflate by libdeflate, which is twice as fast as zlib, and h5py's lzf.
find_library(ATTNSPEC_DEFLATE NAMES deflate REQUIRED)
find_library(ATTNSPEC_LZF NAMES lzf REQUIRED)
find_path(ATTNSPEC_DEFLATE_INCLUDE libdeflate.h REQUIRED)
find_path(ATTNSPEC_LZF_INCLUDE lzf.h REQUIRED PATH_SUFFIXES liblzf)

# Header-only, without a CMake package.
find_path(ATTNSPEC_RANDOM123_INCLUDE Random123/philox.h REQUIRED)
