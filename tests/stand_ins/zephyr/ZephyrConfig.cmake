# What find_package(Zephyr) does for an application and the modules that it names: Kconfig, their libraries, the image.
# Python3_EXECUTABLE has kconfiglib.
project(zephyr_stand_in LANGUAGES C)

set(ZEPHYR_STAND_IN ${CMAKE_CURRENT_LIST_DIR})
add_library(zephyr_interface INTERFACE)
target_include_directories(zephyr_interface INTERFACE ${ZEPHYR_STAND_IN}/include)
add_library(app STATIC)
target_link_libraries(app PRIVATE zephyr_interface)
set_property(GLOBAL PROPERTY ZEPHYR_STAND_IN_LIBRARIES app)

function(zephyr_include_directories)
  target_include_directories(zephyr_interface INTERFACE ${ARGN})
endfunction()

function(zephyr_compile_definitions)
  target_compile_definitions(zephyr_interface INTERFACE ${ARGN})
endfunction()

macro(zephyr_library_named name)
  set(ZEPHYR_CURRENT_LIBRARY ${name})
  add_library(${name} STATIC)
  target_link_libraries(${name} PRIVATE zephyr_interface)
  set_property(GLOBAL APPEND PROPERTY ZEPHYR_STAND_IN_LIBRARIES ${name})
endmacro()

function(zephyr_library_sources)
  target_sources(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${ARGN})
endfunction()

function(zephyr_library_sources_ifdef feature)
  if(${feature})
    zephyr_library_sources(${ARGN})
  endif()
endfunction()

function(zephyr_library_compile_options)
  target_compile_options(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${ARGN})
endfunction()

execute_process(
  COMMAND ${Python3_EXECUTABLE} ${ZEPHYR_STAND_IN}/kconfig.py ${CMAKE_CURRENT_SOURCE_DIR}/prj.conf
    ${CMAKE_BINARY_DIR}/config.cmake ${CMAKE_BINARY_DIR}/autoconf.h ${ZEPHYR_EXTRA_MODULES}
  COMMAND_ERROR_IS_FATAL ANY)
include(${CMAKE_BINARY_DIR}/config.cmake)
target_compile_options(zephyr_interface INTERFACE -imacros ${CMAKE_BINARY_DIR}/autoconf.h)

foreach(module IN LISTS ZEPHYR_EXTRA_MODULES)
  get_filename_component(name ${module} ABSOLUTE)
  get_filename_component(name ${name} NAME)
  add_subdirectory(${module}/zephyr ${CMAKE_BINARY_DIR}/modules/${name})
endforeach()

# As Zephyr does, libraries are linked whole.
get_property(libraries GLOBAL PROPERTY ZEPHYR_STAND_IN_LIBRARIES)
add_executable(zephyr_image ${ZEPHYR_STAND_IN}/kernel.c ${ZEPHYR_STAND_IN}/flash.c)
target_link_libraries(zephyr_image PRIVATE zephyr_interface -Wl,--whole-archive ${libraries} -Wl,--no-whole-archive)
