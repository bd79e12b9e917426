"""Keras to int8: conversion, the `Int8Graph`, and the NumPy reference that executes it bit for bit.

In the order in which a model passes through: `convert` runs TensorFlow Lite's converter; `tflite_file`, `layers`,
`builder` and `from_tflite` make the file an `Int8Graph`; `fixed_point` makes its scales the kernels' integers;
`reference` computes the result to equal; `learners` learn on top; `artifact` is what is stored. `interpreters` and
`oracles` run the file elsewhere, for comparison. docs/int8_semantics.md is the contract.
"""
