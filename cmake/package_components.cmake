# Read by cpack once for each package: what is in it, and what a Debian package needs.
set(CPACK_COMPONENTS_ALL sagittal)
if(NOT CPACK_GENERATOR STREQUAL DEB)
  list(APPEND CPACK_COMPONENTS_ALL libraries)
  set(CPACK_COMPONENT_INCLUDE_TOPLEVEL_DIRECTORY ON)
  return()
endif()
list(APPEND CPACK_COMPONENTS_ALL service)
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)

# OpenCV brings OpenGL and LLVM with it, 230 MB, which only ONNX networks need: apt installs it too unless told otherwise.
set(folder ${CPACK_BUILD_FOLDER}/packaging)
file(WRITE ${folder}/debian/control "")
execute_process(COMMAND dpkg-shlibdeps -O -dDepends -e../bin/sagittal -dRecommends -e../lib/sagittal/onnx.so
  WORKING_DIRECTORY ${folder} OUTPUT_VARIABLE needed ERROR_VARIABLE said)  # it warns of paths in a tree that is no package's
foreach(kind Depends Recommends)
  if(NOT needed MATCHES "shlibs:${kind}=([^\n]+)")
    message(FATAL_ERROR "dpkg-shlibdeps says nothing of ${kind}: ${needed}${said}")
  endif()
  set(shared_${kind} ${CMAKE_MATCH_1})
endforeach()
set(CPACK_DEBIAN_PACKAGE_DEPENDS "adduser, init-system-helpers (>= 1.54), ${shared_Depends}")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "bubblewrap, ca-certificates, ${shared_Recommends}")
