"""What an effect leaves in the journal."""

from sandbox.durable import Lean
from sandbox.protocol import CommandResult


def test_a_journal_entry_holds_what_differs_and_is_read_back_as_it_was() -> None:
    lean = Lean(CommandResult)
    result = CommandResult(exit_code=0, output="ok\n", output_bytes=3, seconds=0.1)

    written = lean.serialize(result)

    assert written == b'{"exit_code":0,"output":"ok\\n","output_bytes":3,"seconds":0.1}'
    assert lean.deserialize(written) == result


def test_an_entry_that_an_earlier_release_wrote_whole_is_read() -> None:
    result = CommandResult(exit_code=1, output="no\n", timed_out=True)

    assert Lean(CommandResult).deserialize(result.model_dump_json().encode()) == result
