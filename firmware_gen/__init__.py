"""Int8 graph to firmware: C sources, memory plan, builds, emulation and size reports. Never loads TensorFlow."""
