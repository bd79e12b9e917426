"""Meta-training on the host: data sets, episodes, learners and evaluation, in Keras."""
