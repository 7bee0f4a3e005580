"""How a training runs is said once, for forms, commands and settings, and a preset is parsed at doors."""

import ast
from pathlib import Path

import pytest

from flows.cli import MISUSED, app, main
from flows.form import Training, trained_by
from flows.pretraining_form import Pretraining, pretrained_by
from infra.settings import Settings, SettingsError
from models.distributed.job import Job
from models.distributed.resources import Devices, Resources, TrainingOptions
from models.domain.preset import PresetError
from models.training.presets import job_on

ROOT = Path(__file__).parents[1]
PACKAGES = ("flows", "tasks", "infra", "models")
OPTIONS = TrainingOptions.model_fields
KINDS = (Settings, Training, Pretraining)
OF_A_PLATFORM = {"flows.cli.demo", "flows.cli.replay", "flows.cli.simulate"}  # a seed of made-up posts
DOORS = {
    "flows.choices": "the settings' own, before anything begins",
    "flows.cli.plan": "a command's argument, of which nothing is trained",
    "flows.form": "a form's field, in a run's first second",
    "models.training.contract": "an encoder's own, as it is tried",
    "models.training.presets": "a job's, as people ask for one",
    "tasks.release.foresee": "a dry run, of which nothing is trained",
    "tasks.training.pretraining_run": "the run of a pre-training, which its steps pass on",
    "tasks.training.run": "the run of a retraining or a search, which its steps pass on",
}


def nodes(kind):
    """Every such node of the source, with the module that it is in."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            yield from (
                (module, node) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, kind)
            )


def asked(*words):
    """What the command would be called with."""
    return app.parse_args(words, exit_on_error=False, print_error=False)[1].arguments


@pytest.mark.parametrize("name", OPTIONS)
def test_it_has_one_type_bound_choice_default_and_description_wherever_it_is_chosen(name):
    for kind in KINDS:
        assert repr(kind.model_fields[name]) == repr(OPTIONS[name]), kind


def test_no_other_place_describes_it():
    told = {
        (module, node.target.id)
        for module, node in nodes(ast.AnnAssign)
        if getattr(node.target, "id", "") in OPTIONS and "Field" in ast.unparse(node)
    }
    told |= {
        (module, node.arg) for module, node in nodes(ast.arg)
        if node.arg in OPTIONS and node.annotation and "help=" in ast.unparse(node.annotation)
    }  # fmt: skip
    told -= {(module, "seed") for module in OF_A_PLATFORM}
    told -= {("flows.cli.serve", "workers"), ("models.training.training_cost", "devices")}  # other ones
    assert told == {("models.distributed.resources", name) for name in OPTIONS}


def test_a_preset_is_parsed_at_doors_alone():
    called = {module for module, node in nodes(ast.Call) if getattr(node.func, "id", "") == "preset_named"}
    assert called == DOORS.keys()


@pytest.mark.parametrize("command", ["retrain", "search", "pretrain"])
def test_a_command_tells_what_is_given_from_what_is_the_settings_choice(command):
    over = ["--over", "dropout=0,0.1"] if command == "search" else []
    given = asked(command, *over, "--devices", "2", "--strategy", "fsdp")["options"]
    assert given.model_dump(exclude_unset=True) == {"devices": 2, "strategy": "fsdp"}
    assert "options" not in asked(command, *over)
    settings = Settings(workers=3, seed=7, devices=8, _env_file=None)
    for trained in (trained_by, pretrained_by):
        made = trained(settings, **given.model_dump(exclude_unset=True))
        assert (made.resources, made.seed) == (Resources(devices=2, strategy="fsdp", workers=3), 7)


def test_a_plan_takes_devices_and_their_strategy_by_the_same_names():
    assert asked("plan", "compact", "--devices", "8")["devices"] == Devices(devices=8)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("plan compact --devices 0", 'Invalid value "0" for "--devices". Input should be greater'),
        ("retrain --strategy dpp", 'Invalid value "dpp" for "--strategy". Input should be'),
        ("pretrain --seed 4294967296", 'Invalid value "4294967296" for "--seed". Input should be less'),
    ],
)
def test_a_wrong_one_is_told_by_the_options_name(words, told, capsys):
    with pytest.raises(SystemExit) as end:
        main(words.split())
    assert end.value.code == MISUSED
    assert told in " ".join(capsys.readouterr().err.replace("│", " ").split())


def test_a_seed_that_no_form_takes_is_no_setting_either(monkeypatch):
    monkeypatch.setenv("MODERATO_SEED", str(2**32))
    with pytest.raises(SettingsError, match="MODERATO_SEED is '4294967296': input should be less"):
        Settings()


def test_what_deployments_and_schedules_of_before_have_stored_is_read():
    kept = {"seed": 7, "devices": 2, "strategy": "fsdp", "workers": 4}
    assert Training.model_validate({"preset": "trial", **kept}).model_dump() == {"preset": "trial", **kept}
    more = {"preset": "clip", "objectives": "contrastive", "teacher": "", "bootstrap": ""}
    assert Pretraining.model_validate(more | kept).model_dump() == more | kept


def test_a_box_of_the_form_shows_its_own_fields_before_those_of_every_training():
    fields = Pretraining.model_json_schema()["properties"]
    order = sorted(fields, key=lambda name: fields[name]["position"])
    assert order == ["preset", "objectives", "teacher", "bootstrap", *OPTIONS]
    assert fields["devices"]["description"].startswith("Devices of this machine to train on; processes")
    assert all(field["description"].endswith(".") for field in fields.values())


def test_a_job_is_asked_for_by_a_presets_name_its_own_fields_and_the_presets(tmp_path):
    job = job_on("posts.lance", preset="compact,epochs=5", seed=3, folder=tmp_path, threads=2, width=32)
    assert (job.seed, job.threads, job.preset.epochs, job.preset.width) == (3, 2, 5, 32)
    assert Job.model_validate_json(job.model_dump_json()) == job
    with pytest.raises(PresetError, match="no field 'thread'"):
        job_on("posts.lance", preset="compact", seed=3, folder=tmp_path, thread=2)
