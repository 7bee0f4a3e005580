import json
from io import BytesIO

import pytest
from ingested import rows, versions
from PIL import Image

from infra.ingest import ingest
from infra.ingest.sources.fights import SOURCE as FIGHTS
from infra.objects import UnreachableError
from models.data.media_limits import MAX_PICTURE_BYTES

pytestmark = [pytest.mark.s3, pytest.mark.slow]


def post(name):
    return json.dumps({"post_id": name, "text": f"text of {name}"}).encode() + b"\n"


@pytest.fixture
def zone(s3_server, settings):
    return s3_server.bucket(s3_server.settings(settings.home))


@pytest.fixture
def settings(s3_server, tmp_path):
    return s3_server.settings(tmp_path / "home")


def test_a_second_run_takes_only_what_is_new(settings, lake, zone):
    address = f"s3://{zone.bucket}/landing"
    zone.write("landing/a.jsonl", post("a"))
    zone.write("landing-not/b.jsonl", post("b"))
    assert ingest(settings, "jsonl", address).posts.inserted == 1
    before = versions(lake)
    again = ingest(settings, "jsonl", address)
    assert (again.files, again.skipped, again.rows) == (0, 1, 0)
    assert versions(lake) == before
    zone.write("landing/a.jsonl", post("a") + post("c"))
    third = ingest(settings, "jsonl", address)
    assert third.posts.model_dump() == {"inserted": 1, "updated": 0, "unchanged": 1}


def test_a_dry_run_remembers_no_object(settings, lake, zone):
    zone.write("a.jsonl", post("a"))
    for _ in range(2):
        assert ingest(settings, "jsonl", f"s3://{zone.bucket}", dry_run=True).posts.inserted == 1


def test_every_page_of_a_listing_is_read(zone):
    for number in range(7):
        zone.write(f"many/{number}", b"x")
    assert [entry.key for entry in zone.list("many/", page=3)] == [f"many/{number}" for number in range(7)]


def test_images_lie_beside_their_object_and_nowhere_else(settings, lake, zone):
    data = BytesIO()
    Image.new("RGB", (3, 3)).save(data, "PNG")
    zone.write("landing/one.png", data.getvalue())
    zone.write("secret.png", data.getvalue())
    lines = [{"image": "one.png"}, {"image": "../secret.png"}, {"image": "two.png"}]
    zone.write("landing/a.jsonl", "\n".join(map(json.dumps, lines)).encode())
    summary = ingest(settings, "jsonl", f"s3://{zone.bucket}/landing/")
    assert summary.posts.inserted == 1
    assert summary.rejects.by_reason == {"missing_image": 1, "path_leaves_folder": 1}
    assert rows(lake.posts, "image") == [{"image": data.getvalue()}]


def test_a_folder_of_images_may_be_a_landing_zone(settings, lake, zone):
    data = BytesIO()
    Image.new("RGB", (3, 3)).save(data, "PNG")
    zone.write("landing/violence/one.png", data.getvalue())
    summary = ingest(settings, "folder", f"s3://{zone.bucket}/landing")
    assert (summary.posts.inserted, summary.judgements.inserted) == (1, 1)


def test_a_video_that_is_larger_than_a_picture_may_be_is_stored_whole(settings, lake, zone):
    padding = MAX_PICTURE_BYTES + 64
    whole = FIGHTS.examples["fight/one.mp4"] + padding.to_bytes(4, "big") + b"free" + bytes(padding - 8)
    zone.write("landing/fight/long.mp4", whole)
    assert ingest(settings, "fights", f"s3://{zone.bucket}/landing").posts.inserted == 1
    (kept,) = rows(lake.posts, "video")
    assert kept == {"video": whole}


def test_a_bucket_that_does_not_exist_is_one_clear_line(settings):
    with pytest.raises(
        UnreachableError, match=r"cannot use s3://no-such-bucket at http.*check the bucket's name"
    ):
        ingest(settings, "jsonl", "s3://no-such-bucket/landing")
