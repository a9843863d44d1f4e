"""How fast and how small: the hashed layer against dense layers and the HashedNets that one would write in torch.

`contenders` are the layers, each of which makes the same training step; a `worker` runs one of them in a process of
its own; `measure` lets the workers take turns and asks for times and memory; `report` writes tables and a figure.
Times that are compared come from one run. Not part of the core, and never imported by it.
"""
