# What is installed where. Components: `sagittal` is everywhere; `service` is for a package of the system, with files outside its
# prefix; `libraries` is what a program needs that is unpacked beside its own libraries.
install(DIRECTORY models DESTINATION share/sagittal COMPONENT sagittal)
install(DIRECTORY examples/pipelines DESTINATION share/sagittal COMPONENT sagittal)
install(DIRECTORY slicer DESTINATION share/sagittal COMPONENT sagittal
  PATTERN Testing EXCLUDE PATTERN Screenshots EXCLUDE PATTERN __pycache__ EXCLUDE)
install(FILES packaging/copyright DESTINATION share/doc/sagittal COMPONENT sagittal)
install(FILES packaging/completion/sagittal.bash DESTINATION share/bash-completion/completions COMPONENT sagittal RENAME sagittal)
install(FILES packaging/completion/_sagittal DESTINATION share/zsh/vendor-completions COMPONENT sagittal)
install(FILES packaging/completion/sagittal.fish DESTINATION share/fish/vendor_completions.d COMPONENT sagittal)
configure_file(cmake/packed_texts.cmake.in packed_texts.cmake @ONLY)
install(SCRIPT ${PROJECT_BINARY_DIR}/packed_texts.cmake COMPONENT sagittal)
install(FILES LICENSE DESTINATION share/doc/sagittal/licences COMPONENT sagittal RENAME Apache-2.0.txt)

# Libraries that are headers are parts of the program.
foreach(package libboost-dev libcli11-dev libtomlplusplus-dev nlohmann-json3-dev)
  install(FILES /usr/share/doc/${package}/copyright DESTINATION share/doc/sagittal/licences COMPONENT sagittal
    RENAME ${package}.txt OPTIONAL)
endforeach()

set(SAGITTAL_INSTALLED /usr/bin/sagittal)
configure_file(packaging/sagittal.service.in packaging/system/sagittal.service @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/packaging/system/sagittal.service DESTINATION /lib/systemd/system COMPONENT service EXCLUDE_FROM_ALL)
install(FILES packaging/sagittal.conf DESTINATION /etc/sagittal COMPONENT service EXCLUDE_FROM_ALL)
install(FILES packaging/sagittal.logrotate DESTINATION /etc/logrotate.d COMPONENT service EXCLUDE_FROM_ALL RENAME sagittal)

set(SAGITTAL_INSTALLED /usr/local/bin/sagittal)
configure_file(packaging/sagittal.service.in packaging/local/sagittal.service @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/packaging/local/sagittal.service packaging/sagittal.conf
  DESTINATION share/sagittal/service COMPONENT libraries EXCLUDE_FROM_ALL)
set(SAGITTAL_PROGRAM ${PROJECT_BINARY_DIR}/bin/sagittal)
set(SAGITTAL_ONNX ${PROJECT_BINARY_DIR}/lib/sagittal/onnx.so)
configure_file(cmake/own_libraries.cmake.in own_libraries.cmake @ONLY)
install(SCRIPT ${PROJECT_BINARY_DIR}/own_libraries.cmake COMPONENT libraries EXCLUDE_FROM_ALL)
