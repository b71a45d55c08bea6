"""A run's torch module in the hands of other people's tools. Each is imported only when its function is called, and what it needs is said if it is not there.

    transformer_lens(model)              needs TransformerLens and the torch of its choice: run_with_cache, run_with_hooks, add_hook, ActivationCache
    nnsight(model)                       needs nnsight: with nnsight(model).trace(*batch.tensors()): ...
    captum(model, batch, "IntegratedGradients")      needs captum: attributions to the items

A module is also theirs without these: it is a plain torch.nn.Module that is called as model(x, label).
"""

import copy
import importlib
import importlib.util

from .read import BadInput


def _module(name, package):
    if importlib.util.find_spec(name.partition(".")[0]) is None:
        raise BadInput(f"this needs {package}, which is not installed: pip install {package}")
    return importlib.import_module(name)


def transformer_lens(model):
    """A HookedRootModule with the model's names and weights, whose places are HookPoints: run_with_cache(x, label) gives a cache by those names."""
    lens = _module("transformer_lens.hook_points", "transformer-lens")
    inner = copy.deepcopy(model)
    for name, _ in list(inner.named_modules()):
        parent, _, last = name.rpartition(".")
        if last.startswith("hook_"):
            setattr(inner.get_submodule(parent), last, lens.HookPoint())

    class Hooked(lens.HookedRootModule):
        """The module's own children and parameters, by their own names; what they compute is its forward."""

        def __init__(self):
            super().__init__()
            for name, child in inner.named_children():
                self.add_module(name, child)
            for name, parameter in inner.named_parameters(recurse=False):
                self.register_parameter(name, parameter)
            self.config = inner.config
            self.setup()

        def forward(self, x, label):
            return inner(x, label)

    return Hooked().eval()


def nnsight(model):
    """nnsight's envoy of the model: inside of a trace, .blocks[0].attn.hook_pattern.output is a place's value, to save or to set."""
    return _module("nnsight", "nnsight").NNsight(model)


def captum(model, batch, method="IntegratedGradients", **options):
    """What each number of the items gives to the logit, [B, N, D], by a method of captum.attr that takes a model and inputs; options go to its attribute()."""
    methods = _module("captum.attr", "captum")
    if not hasattr(methods, method):
        raise BadInput(f"captum.attr has no {method}")
    x, label = batch.tensors()
    some = next(model.parameters())
    return getattr(methods, method)(model).attribute(x.to(some), additional_forward_args=(label.to(some.device),), **options).detach().cpu().numpy()
