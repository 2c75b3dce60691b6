"""The whole flow on the local stack."""

from tests.flow.whole import (
    test_a_consumer_of_ones_own_reads_both_streams,
    test_changes_in_postgresql_arrive,
    test_everything_is_in_its_declared_state,
    test_generated_commits_arrive_once,
    test_messages_wait_for_the_registry_and_are_replayed,
    test_restarted_services_keep_their_data,
    test_the_history_of_a_repository_arrives,
    warehouse,
)

__all__ = [
    "test_a_consumer_of_ones_own_reads_both_streams",
    "test_changes_in_postgresql_arrive",
    "test_everything_is_in_its_declared_state",
    "test_generated_commits_arrive_once",
    "test_messages_wait_for_the_registry_and_are_replayed",
    "test_restarted_services_keep_their_data",
    "test_the_history_of_a_repository_arrives",
    "warehouse",
]
