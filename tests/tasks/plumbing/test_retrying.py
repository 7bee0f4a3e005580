import pytest
from botocore.exceptions import EndpointConnectionError
from mlflow.exceptions import INVALID_PARAMETER_VALUE, MlflowException
from prefect import flow, task
from sqlalchemy.exc import OperationalError

from models.domain.errors import UserError
from tasks.plumbing.retrying import may_pass

pytestmark = pytest.mark.usefixtures("prefect_server")


def attempts_at(error):
    """How often a step that fails with `error` is tried."""
    attempts = []

    @task(retries=2, retry_condition_fn=may_pass)
    def step():
        attempts.append(error)
        raise error

    @flow
    def run():
        step()

    with pytest.raises(type(error)):
        run()
    return len(attempts)


@pytest.mark.parametrize(
    "error",
    [
        ConnectionResetError("the store went away"),
        EndpointConnectionError(endpoint_url="http://127.0.0.1:1"),
        ValueError("LanceError(IO): Generic S3 error: error sending request"),
        OperationalError("select 1", {}, Exception("database is locked")),
        MlflowException("the server is restarting"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_store_that_is_away_is_asked_again(error):
    assert attempts_at(error) == 3


@pytest.mark.parametrize(
    "error",
    [
        UserError("no such preset"),
        ValueError("a bug"),
        MlflowException("no such run", INVALID_PARAMETER_VALUE),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_mistake_is_not_tried_again(error):
    assert attempts_at(error) == 1
