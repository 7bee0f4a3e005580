import asyncio
import base64

import openai
import pytest
from gateway_server import until
from tiny_model import picture

from models.domain.policy import OPENAI_CATEGORIES


@pytest.fixture
def client(gateway):
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0) as client:
        yield client


def sent(image, kind="png"):
    url = f"data:image/{kind};base64,{base64.b64encode(image).decode()}"
    return {"type": "image_url", "image_url": {"url": url}}


def test_a_text_is_judged_in_every_category(client):
    (result,) = client.moderations.create(input="violence plain1").results
    assert result.flagged
    assert result.categories.violence
    assert not result.categories.hate
    assert result.category_scores.violence > 0.5 > result.category_scores.hate
    assert set(result.categories.model_dump(by_alias=True)) == set(OPENAI_CATEGORIES)


def test_a_list_has_a_result_for_each_text_in_order(client):
    results = client.moderations.create(input=["plain1", "violence", "plain2"]).results
    assert [result.categories.violence for result in results] == [False, True, False]


def test_parts_are_one_post_of_text_and_image(client):
    parts = [{"type": "text", "text": "plain1"}, sent(picture(250))]
    (result,) = client.moderations.create(input=parts).results
    assert result.category_applied_input_types.violence == ["text", "image"]
    (pale,) = client.moderations.create(input=[parts[0], sent(picture(0))]).results
    assert result.category_scores.violence_graphic > pale.category_scores.violence_graphic


def test_the_asynchronous_client_works_too(gateway):
    async def ask():
        async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key) as client:
            return await asyncio.gather(*(client.moderations.create(input="violence") for _ in range(20)))

    assert all(answer.results[0].flagged for answer in asyncio.run(ask()))


def test_what_was_not_assessed_names_no_input_type(client):
    (result,) = client.moderations.create(input="plain1").results
    assert result.category_applied_input_types.hate == ["text"]
    (result,) = client.moderations.create(input=[sent(picture(9))]).results
    assert result.category_applied_input_types.hate == ["image"]


def test_the_models_that_decide_are_listed(client):
    assert [model.id for model in client.models.list()] == ["moderato-1"]


def test_an_unknown_key_is_an_authentication_error(gateway):
    with (
        openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="mod_nobody_x", max_retries=0) as client,
        pytest.raises(openai.AuthenticationError, match="unknown or revoked API key"),
    ):
        client.moderations.create(input="plain1")


def test_a_second_image_is_refused_as_openai_does(client):
    with pytest.raises(openai.BadRequestError) as refused:
        client.moderations.create(input=[sent(picture(1)), sent(picture(2))])
    assert refused.value.code == "too_many_images"


def test_a_remote_image_is_refused_and_the_setting_named(client):
    part = {"type": "image_url", "image_url": {"url": "https://images.example/a.png"}}
    with pytest.raises(openai.BadRequestError, match="MODERATO_GATEWAY_IMAGE_HOSTS") as refused:
        client.moderations.create(input=[part])
    assert refused.value.code == "image_url_refused"


def test_a_post_keeps_the_name_that_its_caller_gave(gateway):
    with gateway.client() as client:
        client.post("/v1/moderations", json={"input": ["plain1", "plain2"]}, headers={"X-Post-Id": "named"})
    until(lambda: len(gateway.rows("post_id LIKE 'named/%'")) == 2)
