"""Kedro datasets of our own: everything that a run writes is written whole or not at all."""

from drift_pipeline.datasets.files import ImageDataset, JSONDataset, ParquetDataset
from drift_pipeline.datasets.judged import JudgedTableDataset
from drift_pipeline.datasets.lora import LoraDataset
from drift_pipeline.datasets.measured import MeasuredShardsDataset, MeasuredTableDataset
from drift_pipeline.datasets.policy import PolicyDataset
from drift_pipeline.datasets.prompts import PromptsDataset
from drift_pipeline.datasets.shards import ImageShardsDataset
from drift_pipeline.datasets.text import PicturesDataset, TextDataset

__all__ = [
    "ImageDataset",
    "ImageShardsDataset",
    "JSONDataset",
    "JudgedTableDataset",
    "LoraDataset",
    "MeasuredShardsDataset",
    "MeasuredTableDataset",
    "ParquetDataset",
    "PicturesDataset",
    "PolicyDataset",
    "PromptsDataset",
    "TextDataset",
]
