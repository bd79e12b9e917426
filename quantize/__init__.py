"""Keras to int8: conversion, the `Int8Graph`, and the NumPy reference that executes it bit for bit."""
