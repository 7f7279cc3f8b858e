"""A stand-in for the Hugging Face Hub and its CDN, on loopback, for tests and demonstrations."""

from .content import Bytes, Content, Joined, Noise
from .server import StandInHub

__all__ = ["Bytes", "Content", "Joined", "Noise", "StandInHub"]
