"""Devices, and one training divided between several GPUs."""
