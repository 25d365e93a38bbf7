"""Commands of the documentation that test_commands.py does not run as they stand: which test runs them, or why none can. A
pattern that no command needs any more fails a test."""

# pattern -> the test that runs it
RUN_BY = {
    r"sagittal predict totalsegmentator": "test_labels_are_totalsegmentators",
    r"sagittal predict Dataset009_Spleen": "test_labels_are_nnunets",
    r"sagittal predict nnUNet/": "test_labels_are_version_1s",
    r"sagittal hub sync( --from .*)?$": "test_a_sync_takes_what_there_is",
    r"sagittal hub run MODEL": "test_a_run_puts_its_results_where_they_are_wanted",
    r"sagittal hub run lungmask .* --backend environment": "test_everywhere_the_result_is_the_same",
    r"sagittal hub run .* --on slurm": "test_a_job_of_the_cluster_is_followed_on_after_a_kill",
    r"sagittal model fetch$": "test_the_table_names_licences",
    r"sagittal model fetch .* --accept-licence": "test_an_archive_becomes_a_model",
    r"sagittal model convert .*\.h5": "test_the_program_gives_the_same_bytes",
    r"sagittal stream run volume_segmentation": "test_a_volume_comes_back_as_nnunets_labels",
    r"sagittal stream run bone_ultrasound": "test_the_bone_example_runs_by_its_name_alone",
    r"sagittal stream run plus_bone": "test_bone_in_plus_goes_to_slicer_and_back_to_plus",
    r"sagittal stream run slicer_roundtrip": "TheRoundTripKeepsThePlace",
    r"sagittal stream run invert": "InvertSendsTheNegativeBack",
    r"sagittal stream run holoscan": "test_the_pipeline_for_holoscan_runs_by_its_name",
    r"sagittal stream run plugins/ffmpeg": "test_a_clip_goes_as_image_and_as_video_and_is_decoded_again",
    r"sagittal stream record": "test_a_sequence_is_recorded_as_it_is_played",
    r"sagittal stream play": "test_a_sequence_is_recorded_as_it_is_played",
    r"curl .*\$API|VOLUME=.*\$API|SESSION=.*\$API": "test_the_commands_of_the_page_work",
    r"sudo apt install \./sagittal": "test_the_service_is_enabled_and_runs_as_its_own_user",
    r"(sudo )?tar xzf sagittal|sagittal-.*/bin/sagittal serve|sudo ln -sf /opt": "test_the_doctor_is_content_through_a_link",
    r"sudo sagittal key add": "test_a_key_closes_it_to_others",
    r"(docker|podman) build ": "test_it_holds_no_tools_to_build_or_to_download_with",
    r"docker run -d .* --public": "test_a_click_from_outside_is_answered_and_kept_in_the_volume",
    r"docker run --rm|docker run -d .* --read-only": "test_without_keys_it_lets_nobody_in_unless_told_to",
    r"git archive HEAD:slicer|sed -i .*SlicerSagittal": "test_the_address_is_set_in_two_files",
    r"venv/bin/python holoscan/examples/invert.py": "test_a_real_application_inverts_images_and_keeps_their_time_and_place",
}

# pattern -> why no test runs it
NOT_RUN = {
    r"make ": "the suite itself, or a part of it; that the Makefile has the target is tested",
    r"cmake --": "a build; its target is what `make test` builds",
    r"build/release/bin/(frames|sandbox_start)|benchmarks/|python benchmarks/": "a benchmark: minutes on a quiet machine",
    r"PATH=\$PATH:build/uv/bin": "a benchmark: minutes on a quiet machine",
    r"python evaluate.py": "hours, with scans that are not in the repository",
    r"git clone": "fetches from GitHub",
    r"(python3? -m venv|pip install|export LD_LIBRARY_PATH)": "installs from PyPI, for a program of others",
    r"napari ": "a window of another program",
    r"PlusServer ": "another program that no package has",
    r"python analyze.py": "a script of Holoscan's SDK",
    r"Slicer ": "a whole 3D Slicer with a person before it",
    r"ssh ": "another computer",
    r"(sudo|sudoedit|systemctl|journalctl|tar --zstd)": "changes the system as root",
    r"tools/install_dependencies.sh": "changes the system as root; every test target begins with it",
    r"export SAGITTAL_DATA": "names scans that are not in the repository",
}
