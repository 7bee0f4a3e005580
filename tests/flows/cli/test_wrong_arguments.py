import pytest

from flows.cli import MISUSED, main


@pytest.mark.parametrize(
    "given",
    [
        "plan compact --devices 0",
        "plan compact --batch 0",
        "plan nope",
        "plan compact --device A900",
        "search --over dropout=0,0.1 --minutes -1",
        "search --over dropout=0,0.1 --trials -1",
        "search --over dropout=0,0.1 --seed -1",
        "retrain --seed -1",
        "serve --port 99999999",
        "serve --workers 0",
        "retrain --workers -1",
        "pretrain --devices 0",
        "zero-shot in.jsonl out.parquet --shots -1",
        "models --nope",
        "demo --posts 0",
        "retrain compact trial",
    ],
)
def test_a_wrong_argument_is_said_in_words_with_exit_code_2(given, capsys):
    with pytest.raises(SystemExit) as end:
        main(given.split())
    assert end.value.code == MISUSED
    said = capsys.readouterr().err
    assert said
    assert "Traceback" not in said
