"""Lightning's distributed training on two processes of this machine: python two_processes.py FOLDER"""

import importlib.util
import json
import sys
from pathlib import Path

import lightning.pytorch as package
import torch
from lightning.pytorch.callbacks import EarlyStopping
from torch import nn

from infoplane.integrations.lightning import InformationPlaneCallback

spec = importlib.util.spec_from_file_location("task", Path(__file__).with_name("task.py"))
task = importlib.util.module_from_spec(spec)
spec.loader.exec_module(task)


class Net(package.LightningModule):
    def __init__(self):
        super().__init__()
        self.net = task.network()

    def training_step(self, batch, _):
        return nn.functional.cross_entropy(self.net(batch[0]), batch[1])

    def validation_step(self, batch, _):
        return None

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


def loader():
    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(task.X, task.Y), task.BATCH)


def main(folder):
    torch.set_num_threads(1)
    plane = task.plane(layers="0", estimators=task.CONSTANT)
    watch = EarlyStopping("info/I(T;Y)/0", mode="max", patience=2)
    trainer = package.Trainer(
        accelerator="cpu",
        devices=2,
        strategy="ddp",
        max_epochs=20,
        callbacks=[InformationPlaneCallback(plane, module="net"), watch],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(Net(), loader(), loader())
    metrics = {name: value.item() for name, value in trainer.callback_metrics.items()}
    found = {"measured": task.steps(plane), "metrics": metrics, "epochs": trainer.current_epoch}
    (folder / f"{trainer.global_rank}.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
