"""Which turns the person went back on."""

from transcripts import Transcript


def test_turns_left_behind_by_a_rewind_are_abandoned(read):
    built = (
        Transcript()
        .typed("Start")
        .says("ok")
        .typed("Use a database")
        .says("Done")
        .rewound()
        .typed("Use a file")
    )
    assert [turn.abandoned for turn in read(built).human_turns] == [False, True, False]
