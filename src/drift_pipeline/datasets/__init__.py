"""Kedro datasets of our own: everything that a run writes is written whole or not at all."""

from drift_pipeline.datasets.figure_folder import FiguresDataset
from drift_pipeline.datasets.files import ImageDataset, JSONDataset, ParquetDataset, TextDataset
from drift_pipeline.datasets.found import MeasuredShardsDataset, MeasuredTableDataset
from drift_pipeline.datasets.judged import JudgedTableDataset
from drift_pipeline.datasets.lora import LoraDataset
from drift_pipeline.datasets.model_folder import ModelFolderDataset
from drift_pipeline.datasets.policy import PolicyDataset
from drift_pipeline.datasets.prompts import PromptsDataset
from drift_pipeline.datasets.shards import ImageShardsDataset

__all__ = [
    "FiguresDataset",
    "ImageDataset",
    "ImageShardsDataset",
    "JSONDataset",
    "JudgedTableDataset",
    "LoraDataset",
    "MeasuredShardsDataset",
    "MeasuredTableDataset",
    "ModelFolderDataset",
    "ParquetDataset",
    "PolicyDataset",
    "PromptsDataset",
    "TextDataset",
]
