"""Everything that hooks are known to get wrong, and the tests that hold infoplane to it; a test that is gone fails."""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent

ROWS = {
    "compiled networks": "hooks/test_compiled.py::test_before_and_after_the_first_call",
    "a hook that never fires": "hooks/test_never_ran.py::test_the_output_projection_of_an_attention",
    "an in-place operation after the layer": (
        "recording/test_record.py::test_operations_in_place_change_neither_records_nor_the_input"
    ),
    "outputs that are no tensor": (
        "recording/test_record.py::test_of_a_tuple_the_first_tensor_is_taken_with_one_warning"
    ),
    "a module called twice": (
        "recording/test_record.py::test_a_module_that_runs_twice_has_two_records_in_order_of_execution"
    ),
    "a module called in some batches only": (
        "recording/test_record.py::test_layers_that_run_in_some_batches_only_are_named"
    ),
    "activation checkpointing": (
        "hooks/test_no_trace.py::test_checkpointed_activations_fire_once_and_training_is_bitwise_the_same"
    ),
    "mode and random numbers": "hooks/test_no_trace.py::test_training_from_a_shuffled_loader_is_bitwise_the_same",
    "exceptions and Ctrl-C": (
        "hooks/test_no_trace.py::test_after_an_interruption_nothing_is_left_and_measuring_goes_on"
    ),
    "copying and saving": (
        "hooks/test_no_trace.py::test_models_and_planes_can_be_copied_and_saved_after_a_measurement"
    ),
    "hooks inside vmap": "hooks/test_vmapped.py::test_hooks_of_the_user_see_plain_tensors_of_one_copy",
    "dropout inside vmap": "family/test_vmap.py::test_every_copy_has_its_own_dropout_mask",
    "networks that vmap cannot run": (
        "family/test_vmap.py::test_plain_modules_take_over_with_one_warning_where_vmap_cannot"
    ),
    "vmap and loop": "hooks/test_vmapped.py::test_both_ways_of_running_the_copies_give_the_same_rows",
    "DistributedDataParallel": "hooks/test_distributed.py::test_one_process_measures_what_it_would_measure_alone",
    "fully_shard": (
        "hooks/test_distributed.py::test_a_sharded_network_is_measured_by_all_processes_as_one_process_would"
    ),
    "families of fully_shard": "hooks/test_distributed.py::test_families_and_clocks_refuse_sharded_networks",
    "autocast": "hooks/test_numbers.py::test_an_autocast_region_around_a_measurement_changes_nothing",
    "samples changed in place": "plane/test_splits.py::test_x_changed_in_place_is_an_error_that_names_it",
    "copies that are one network": (
        "hooks/test_numbers.py::test_copies_that_are_one_network_or_share_parameters_are_refused"
    ),
    "nothing trains": "hooks/test_numbers.py::test_a_training_that_changes_no_parameter_is_told_once",
    "batches of the recording": ("hooks/test_numbers.py::test_codes_do_not_depend_on_the_batches_of_the_recording"),
}


@pytest.mark.parametrize("row", ROWS)
def test_the_test_of_a_row_exists(row: str) -> None:
    file, _, name = ROWS[row].partition("::")
    assert f"def {name}(" in (TESTS / file).read_text(encoding="utf-8")
