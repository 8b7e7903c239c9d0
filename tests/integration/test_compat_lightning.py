"""Lightning's Trainer keeps its checkpoints in objects, through the drop-in."""

from __future__ import annotations

import importlib
import pickle
import re
import sys
from functools import partial
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any

import lightning
import pytest
import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.plugins.io import AsyncCheckpointIO
from torch.utils.data import DataLoader, TensorDataset

import s3dlio
from s3dlio.compat.s3torchconnector import S3Checkpoint
from s3dlio.compat.s3torchconnector._user_agent import UserAgent
from s3dlio.compat.s3torchconnector.lightning import S3LightningCheckpoint
from s3dlio.compat.s3torchconnectorclient import S3Exception
from tests.support.samples import Store
from tests.support.servers import Bucket

pytestmark = pytest.mark.filterwarnings(
    "ignore:This DataLoader will create 3 worker processes",
    r"ignore:Checkpoint directory .* exists and is not empty",  # of a training that is resumed
    r"ignore:.isinstance\(treespec, LeafSpec\). is deprecated",  # within Lightning
)


class Model(LightningModule):  # type: ignore[misc] # Lightning is not looked into
    """Learns a line."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def training_step(self, batch: list[torch.Tensor]) -> torch.Tensor:
        return torch.nn.functional.mse_loss(self.layer(batch[0]), 2 * batch[0])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


@pytest.fixture(params=["s3", "local"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where Lightning, too, can look: through s3fs, or by itself."""
    if request.param == "s3":
        bucket: Bucket = request.getfixturevalue("minio_bucket")
        return bucket.uri("run")
    return f"{tmp_path}/run"


def trainer(plugin: object, epochs: int, *callbacks: object) -> Trainer:
    return Trainer(
        accelerator="cpu",
        max_epochs=epochs,
        plugins=[plugin],
        callbacks=list(callbacks),
        enable_checkpointing=bool(callbacks),
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def samples() -> DataLoader[Any]:
    """Samples of workers that are forked anew in each epoch: between the checkpoints, or while one is being stored."""
    return DataLoader(TensorDataset(torch.rand(12, 1)), batch_size=2, num_workers=3)


def assert_equal(model: Model, state: dict[str, Any]) -> None:
    assert state.keys() == model.state_dict().keys()
    for name, tensor in model.state_dict().items():
        assert torch.equal(state[name], tensor)


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_trainer(root: str, asynchronous: bool) -> None:
    plugin = S3LightningCheckpoint("us-east-1")
    used = AsyncCheckpointIO(plugin) if asynchronous else plugin
    every = ModelCheckpoint(dirpath=root, filename="{epoch}", save_top_k=-1 if asynchronous else 1, save_last=True)
    model, resumed = Model(), Model()
    trainer(used, 3, every).fit(model, samples())
    used.teardown()
    found = [uri.rpartition("/")[2] for uri in s3dlio.list(f"file://{root}/" if root.startswith("/") else f"{root}/")]
    earlier = ["epoch=0.ckpt", "epoch=1.ckpt"] if asynchronous else []  # else each is removed for the next
    assert found == [*earlier, "epoch=2.ckpt", "last.ckpt"]
    assert_equal(model, plugin.load_checkpoint(every.best_model_path)["state_dict"])
    trainer(plugin, 3, every).fit(resumed, samples(), ckpt_path=every.last_model_path)  # which has nothing left to do
    assert_equal(model, resumed.state_dict())


def test_checkpoints_where_lightning_cannot_look(tmp_path: Path) -> None:
    plugin = S3LightningCheckpoint()
    model, resumed = Model(), Model()
    first = trainer(plugin, 1)
    first.fit(model, samples())
    first.save_checkpoint(f"direct://{tmp_path}/a b/final.ckpt")
    trainer(plugin, 1).fit(resumed, samples(), ckpt_path=f"direct://{tmp_path}/a b/final.ckpt")
    assert_equal(model, resumed.state_dict())


def test_one_checkpoint(place: Store) -> None:
    plugin = S3LightningCheckpoint("us-east-1")
    uri = place.uri("a b/epoch=1-step=2.ckpt")
    state = Model().state_dict()
    plugin.save_checkpoint({"step": 1}, uri)
    plugin.save_checkpoint({"step": 2, "state_dict": state}, uri, storage_options={})
    loaded = plugin.load_checkpoint(uri, map_location="cpu", weights_only=True)
    assert loaded["step"] == torch.load(S3Checkpoint().reader(uri), weights_only=True)["step"] == 2  # type: ignore[arg-type]
    assert torch.equal(loaded["state_dict"]["layer.weight"], state["layer.weight"])
    for _ in range(2):
        plugin.remove_checkpoint(uri)
    with pytest.raises(S3Exception, match=r"^Service error: The key does not exist$"):
        plugin.load_checkpoint(uri)
    with pytest.raises((AttributeError, pickle.PicklingError), match="lambda"):
        plugin.save_checkpoint({"function": lambda: None}, uri)
    assert not s3dlio.exists(uri)
    plugin.teardown()


def test_what_is_no_weight(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Older versions of Lightning load it unless they are told otherwise; newer ones leave that to torch."""
    plugin = S3LightningCheckpoint("us-east-1")
    plugin.save_checkpoint({"path": tmp_path}, f"{tmp_path}/key")
    for weights_only in (None, True):
        with pytest.raises(pickle.UnpicklingError, match="Weights only load failed"):
            plugin.load_checkpoint(f"{tmp_path}/key", weights_only=weights_only)
    assert plugin.load_checkpoint(f"{tmp_path}/key", weights_only=False) == {"path": tmp_path}
    monkeypatch.setattr(lightning, "__version__", "2.5.6")
    assert plugin.load_checkpoint(f"{tmp_path}/key") == {"path": tmp_path}


def test_settings(minio_bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    plugin = S3LightningCheckpoint("us-east-1", endpoint=minio_bucket.server.endpoint)
    plugin.save_checkpoint({}, minio_bucket.uri("key"))
    assert minio_bucket.keys() == ["key"]
    agent = f"{UserAgent.get_default_prefix()} (lightning; {lightning.__version__})"
    assert (plugin.region, plugin._client.user_agent_prefix) == ("us-east-1", agent)


def test_paths_that_cannot_be(tmp_path: Path) -> None:
    plugin = S3LightningCheckpoint("us-east-1")
    message = "'PosixPath' is not a supported type for 'path'. Must be a string formatted as an S3 uri."
    for call in (partial(plugin.save_checkpoint, {}), plugin.load_checkpoint, plugin.remove_checkpoint):
        with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
            call(tmp_path)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match=r"^Only s3:// URIs are supported$"):
            call("bucket/key")
    every = ModelCheckpoint(dirpath=f"file://{tmp_path}/run")
    with pytest.raises(ValueError, match="is what Lightning makes of a file:// URI: give it the plain path instead"):
        plugin.load_checkpoint(f"{every.dirpath}/epoch=0.ckpt")


class Without(MetaPathFinder):
    """Finds what another finder does, but for Lightning."""

    def __init__(self, finder: Any) -> None:
        self._finder = finder

    def find_spec(self, name: str, *arguments: Any) -> Any:
        return None if name.partition(".")[0] == "lightning" else self._finder.find_spec(name, *arguments)


def test_lightning_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "meta_path", [Without(finder) for finder in sys.meta_path])
    name = "s3dlio.compat.s3torchconnector.lightning"
    for module in list(sys.modules):
        if module.startswith((name, "lightning.")) or module == "lightning":
            monkeypatch.delitem(sys.modules, module)
    with pytest.raises(ModuleNotFoundError, match=r"^No module named 'lightning'$"):
        importlib.import_module(name)
