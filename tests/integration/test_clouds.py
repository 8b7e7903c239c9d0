"""Azure Blob Storage and Google Cloud Storage: credentials and addresses as users set them, right and wrong.

What holds for every service is tested with the places of conftest.py.
"""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import AccountSasPermissions, ResourceTypes, generate_account_sas

import s3dlio
from s3dlio import errors
from s3dlio._native import Client
from tests.support.emulators import ACCOUNT, ACCOUNT_KEY, AzureContainer, AzureServer, GoogleBucket
from tests.support.processes import free_port
from tests.support.samples import Store, fill, number_of
from tests.support.servers import S3Server
from tests.support.tokens import gate

SECRET = "aHVudGVyMi1odW50ZXIyLWh1bnRlcjI="  # base64, as the keys of Azure are
Call = Callable[[str], Any]


def write(uri: str) -> tuple[int, int]:
    """A writer of one object."""
    writer = s3dlio.create_writer(uri)
    writer.write(b"x")
    return writer.finalize()


CALLS: list[Call] = [s3dlio.get, s3dlio.stat, s3dlio.exists, s3dlio.list, s3dlio.create_dataset, write]


def refused(
    call: Call, uri: str, kind: type[errors.S3DlioError], *texts: str, secret: str = SECRET
) -> errors.S3DlioError:
    """The error of a call: of that class, naming the URI and these, and no secret, even where it is pickled."""
    with pytest.raises(kind) as caught:
        call(uri)
    told = str(caught.value)
    assert uri.rstrip("/") in told
    assert all(text in told for text in texts), told
    chain: BaseException | None = caught.value
    while chain is not None:
        assert secret not in repr(chain)
        chain = chain.__cause__
    assert secret.encode() not in pickle.dumps(caught.value)
    return caught.value


@pytest.fixture
def account(azurite: AzureServer, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """account(NAME=value) sets the variables of an account at Azurite, then these; "" takes one away."""

    def use(**variables: str) -> None:
        address = azurite.endpoint.removesuffix(f"/{ACCOUNT}")
        usual = {"ENDPOINT": address, "ACCOUNT_NAME": ACCOUNT, "ACCOUNT_KEY": ACCOUNT_KEY}
        cleared = {"SAS_TOKEN": "", "CONNECTION_STRING": ""}
        for name, value in {**cleared, **usual, **variables}.items():
            monkeypatch.setenv(f"AZURE_STORAGE_{name}", value)

    return use


def sas(**rights: bool) -> str:
    """A shared access signature of the account for an hour."""
    end = datetime.now(timezone.utc) + timedelta(hours=1)
    kinds = ResourceTypes(service=True, container=True, object=True)
    return str(generate_account_sas(ACCOUNT, ACCOUNT_KEY, kinds, AccountSasPermissions(**rights), end))


# Credentials


def test_credentials_of_azure_are_those_at_the_call(account: Callable[..., None], azurite: AzureServer) -> None:
    """Set in os.environ between calls of one process: each call goes by what is set then."""
    uri = azurite.new_bucket().put("key", b"x")
    account()
    assert s3dlio.get(uri) == b"x"
    account(ACCOUNT_KEY=SECRET)
    refused(s3dlio.get, uri, errors.PermissionDeniedError)
    account(ACCOUNT_NAME="another")
    refused(s3dlio.get, uri, errors.NotFoundError, "account")
    account(ACCOUNT_KEY="", SAS_TOKEN=sas(read=True))
    assert s3dlio.get(uri) == b"x"
    refused(write, uri, errors.PermissionDeniedError, secret=os.environ["AZURE_STORAGE_SAS_TOKEN"][-20:])
    account(ACCOUNT_KEY="", SAS_TOKEN="?" + sas(read=True, write=True))
    assert write(uri) == (1, 1)
    account(ACCOUNT_NAME="", ACCOUNT_KEY="", ENDPOINT="", CONNECTION_STRING=azurite.connection_string)
    assert s3dlio.get(uri) == b"x"
    account()
    assert len(s3dlio.create_dataset(uri)) == 1


def test_credentials_of_google_are_those_at_the_call(
    google_bucket: GoogleBucket, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    uri = google_bucket.put("key", b"x")
    monkeypatch.delenv("STORAGE_EMULATOR_HOST")  # emulators get no credentials
    with gate(google_bucket.server.endpoint, "a-reader") as service:
        options: Any = {"endpoint_url": service.endpoint}
        for _ in range(2):
            for name, admitted in (("a-reader", True), ("a-stranger", False)):
                file = service.account(tmp_path, name)
                monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
                if admitted:
                    assert s3dlio.get(uri, **options) == b"x"
                    assert s3dlio.list(google_bucket.uri(), **options) == [uri]
                else:
                    key = json.loads(file.read_text())["private_key"]
                    for secret in (f"token-of-{name}", key[100:140]):
                        refused(partial(s3dlio.get, **options), uri, errors.PermissionDeniedError, secret=secret)
        with pytest.raises(errors.PermissionDeniedError, match="without credentials"):
            s3dlio.get(uri, **options, anonymous=True)


def test_clients_do_not_show_what_they_are_given(account: Callable[..., None], azurite: AzureServer) -> None:
    account()
    place = azurite.new_bucket()
    fill(place, 2)
    dataset = s3dlio.create_dataset(place.uri("train/"))
    assert [number_of(view) for view in pickle.loads(pickle.dumps(dataset))] == [0, 1]
    for shown in (repr(dataset), repr(Client.get()), pickle.dumps(dataset).decode("latin-1")):
        assert ACCOUNT_KEY not in shown


# Settings that cannot be right


@pytest.mark.parametrize(
    ("variables", "kind", "texts"),
    [
        ({"ACCOUNT_NAME": "My_Account"}, errors.InvalidError, ["AZURE_STORAGE_ACCOUNT_NAME", "My_Account", "letters"]),
        ({"ACCOUNT_NAME": SECRET * 2}, errors.InvalidError, ["AZURE_STORAGE_ACCOUNT_NAME"]),  # in the wrong variable
        ({"ACCOUNT_KEY": f"{SECRET}!"}, errors.CredentialsError, ["AZURE_STORAGE_ACCOUNT_KEY", "base64"]),
        ({"ACCOUNT_KEY": SECRET}, errors.PermissionDeniedError, ["HTTP 403", "key"]),
        ({"ACCOUNT_KEY": "", "SAS_TOKEN": SECRET}, errors.CredentialsError, ["AZURE_STORAGE_SAS_TOKEN", "sig"]),
        ({"ACCOUNT_KEY": "", "SAS_TOKEN": f"sv=2021-06-08&ss=b&srt=sco&sp=r&se=2099-01-01&sig={SECRET}"},
         errors.PermissionDeniedError, ["HTTP 403", "SAS"]),
        ({"ACCOUNT_KEY": ""}, errors.CredentialsError, ["AZURE_STORAGE_ACCOUNT_KEY", "https"]),
        ({"ACCOUNT_NAME": "", "ENDPOINT": ""}, errors.InvalidError, ["AZURE_STORAGE_ACCOUNT_NAME"]),
        ({"CONNECTION_STRING": f"AccountKey={SECRET}"}, errors.InvalidError, ["CONNECTION_STRING", "AccountName"]),
        ({"CONNECTION_STRING": f"nonsense;{SECRET}"}, errors.InvalidError, ["CONNECTION_STRING", "Name=value"]),
        ({"ENDPOINT": "ftp://host"}, errors.InvalidError, ["ftp://host", "https://host"]),
        ({"ENDPOINT": f"http://{ACCOUNT}:{SECRET}@host"}, errors.InvalidError, ["password"]),
    ],
)  # fmt: skip
def test_wrong_settings_of_azure(
    variables: dict[str, str],
    kind: type[errors.S3DlioError],
    texts: list[str],
    account: Callable[..., None],
    azurite: AzureServer,
) -> None:
    uri = azurite.new_bucket().put("dir/key", b"x")
    account(**variables)
    for call in CALLS:
        assert refused(call, uri, kind, *texts).attempts <= 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "no such file"),
        (SECRET, "JSON"),
        (f'{{"type": "{SECRET}"}}', '"type"'),
        (f'{{"type": "service_account", "client_email": "me", "private_key": "{SECRET}"}}', "private_key"),
        (f'{{"type": "authorized_user", "client_secret": "{SECRET}"}}', "refresh_token"),
    ],
)
def test_wrong_files_of_google(text: str | None, told: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "credentials.json"
    if text is not None:
        file.write_text(text)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    for call in CALLS:
        failure = refused(call, "gs://some-bucket/dir/key", errors.CredentialsError, told, str(file), "gcloud auth")
        assert failure.attempts <= 1


@pytest.mark.parametrize("call", CALLS)
def test_no_credentials_for_google(call: Call) -> None:
    """Neither variables nor a file, and no metadata server answers: it is said at once, with what to do."""
    refused(call, "gs://some-bucket/dir/key", errors.CredentialsError, "GOOGLE_APPLICATION_CREDENTIALS", "anonymous")


@pytest.mark.parametrize("host", ["http://host:port", "ftp://host", "http://", f"http://me:{SECRET}@host"])
def test_wrong_emulator_hosts(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", host)
    for call in CALLS:
        refused(call, "gs://some-bucket/dir/key", errors.InvalidError, "STORAGE_EMULATOR_HOST", "host:port")


# Addresses where something else is, or nothing


def test_nobody_at_the_address(
    azure_container: AzureContainer, google_bucket: GoogleBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in (azure_container, google_bucket):
        uri, nobody = place.put("key", b"x"), f"http://127.0.0.1:{free_port()}"
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", nobody)
        options: Any = {"endpoint_url": nobody, "retry_timeout": 0.0}
        failure = refused(
            partial(s3dlio.get, **options), uri, errors.ConnectionFailedError, nobody, "refused", secret=ACCOUNT_KEY
        )
        assert failure.endpoint is not None and failure.endpoint.startswith(nobody)


@pytest.mark.parametrize("scheme", ["az", "gs"])
def test_another_service_at_the_address(
    scheme: str,
    azure_container: AzureContainer,
    google_bucket: GoogleBucket,
    minio: S3Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever it answers, it is an error, never an empty listing or an object that is "not there"."""
    place: Store = azure_container if scheme == "az" else google_bucket
    others = [minio.endpoint, google_bucket.server.endpoint]
    if scheme == "gs":
        others = [minio.endpoint, azure_container.server.endpoint.removesuffix(f"/{ACCOUNT}")]
    uri = place.put("dir/key", b"x")
    for endpoint in others:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", endpoint)
        options: Any = {"endpoint_url": endpoint}
        calls: list[Call] = [s3dlio.get, s3dlio.exists, s3dlio.list]
        for call in calls:
            failure = refused(partial(call, **options), uri, errors.S3DlioError, endpoint, secret=ACCOUNT_KEY)
            assert failure.attempts <= 1
            assert "endpoint" in str(failure) or "credentials" in str(failure)


# Names


@pytest.mark.parametrize(
    ("scheme", "name", "rule"),
    [
        ("az", "Upper", "lower-case"),
        ("az", "a", "3 to 63"),
        ("az", "two--hyphens", "single hyphens"),
        ("az", "under_score", "hyphens"),
        ("az", "c" * 64, "3 to 63"),
        ("gs", "Upper", "lower-case"),
        ("gs", "a", "3 to 63"),
        ("gs", "-begins", "begins"),
        ("gs", "127.0.0.1", "IP address"),
        ("gs", "c" * 64, "too long"),
    ],
)
def test_names_that_no_container_can_have(
    scheme: str, name: str, rule: str, azure_container: AzureContainer, google_bucket: GoogleBucket
) -> None:
    for call in [*CALLS, s3dlio.create_bucket, s3dlio.delete_bucket]:
        refused(call, f"{scheme}://{name}/dir/key", errors.InvalidError, name, rule, secret=ACCOUNT_KEY)


@pytest.mark.parametrize(
    ("kind", "key", "rule"),
    [
        ("azurite", "k" * 1025, "1024"),
        ("azurite", "a/../b", "segment"),
        ("azurite", os.fsdecode(b"caf\xe9"), "UTF-8"),
        ("fake_gcs", "k" * 1025, "1024"),
        ("fake_gcs", "two\nlines", "line break"),
        ("fake_gcs", os.fsdecode(b"caf\xe9"), "UTF-8"),
    ],
)
def test_names_that_no_object_can_have(
    kind: str, key: str, rule: str, place_of: Callable[[str], AzureContainer | GoogleBucket]
) -> None:
    place = place_of(kind)
    for call in (s3dlio.get, s3dlio.stat, s3dlio.delete, write):
        with pytest.raises(errors.InvalidError, match=rule):
            call(place.uri(key))
    assert place.keys() == []


def test_metadata_as_the_service_has_it(azure_container: AzureContainer, google_bucket: GoogleBucket) -> None:
    for place in (azure_container, google_bucket):
        with s3dlio.create_writer(place.uri("a"), content_type="x/y", metadata={"run_id": "a  b=c"}) as writer:
            writer.write(b"x")
        known = s3dlio.stat(place.uri("a"))
        assert (known["content_type"], known["metadata"]) == ("x/y", {"run_id": "a  b=c"})
        assert place.attributes("a") == ("x/y", {"run_id": "a  b=c"})
    with pytest.raises(errors.InvalidError, match=r"run-id.*underscore"):
        s3dlio.create_azure_writer(azure_container.uri("b"), metadata={"run-id": "1"}).finalize()
    assert azure_container.keys() == ["a"]
