"""What several systems as torch modules are made of; see torch_model.py."""

import numpy as np
import torch
from torch import nn

from .numpy_model import Place, chosen
from .read import BadInput
from .settings import check_fits, has_one_entry


def points(*names):
    """A module of identities."""
    module = nn.Module()
    for name in names:
        module.add_module(name, nn.Identity())
    return module


MLP_POINTS = ("hook_pre", "hook_post", "hook_pre2", "hook_post2")


class Mlp(nn.Module):
    """Linear, ReLU, Linear, ReLU, Linear, by the names of a torch.nn.Sequential, with places around the ReLUs."""

    def __init__(self, width, hidden, out=1, own_points=True):
        super().__init__()
        for index, layer in enumerate((nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, out))):
            self.add_module(str(index), layer)
        for name in MLP_POINTS if own_points else ():
            self.add_module(name, nn.Identity())

    def forward(self, x, at=None):
        """`at` has the places, if they are not this module's own."""
        at = at or self
        first, relu, second, relu2, last = (getattr(self, str(index)) for index in range(5))
        x = at.hook_post(relu(at.hook_pre(first(x))))
        return last(at.hook_post2(relu2(at.hook_pre2(second(x)))))


def tokens_of(x, label, scalar):
    """[x ; onehot]: label -1 is [1, 0], +1 is [0, 1], 0 (the target's) is [0, 0]; or [x ; label]."""
    label = label[..., None]
    if scalar:
        return torch.cat([x, label.to(x)], dim=-1)
    return torch.cat([x, (label == -1).to(x), (label == 1).to(x)], dim=-1)


def hook_points(model):
    """Names of the places of a module, as model.get_submodule takes them."""
    return [name for name, module in model.named_modules() if name.rsplit(".", 1)[-1].startswith("hook_")]


class System(nn.Module):
    """What all have: the settings (full key -> value), and the places at both ends."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.items = int(config["data.D"])
        self.hidden = int(config["model.hidden"])
        self.scalar = has_one_entry(config)
        self.hook_tokens = nn.Identity()
        self.hook_logit = nn.Identity()

    def tokens(self, x, label):
        return self.hook_tokens(tokens_of(x, label, self.scalar))

    def attention_group(self):
        """The parameters whose decay is train.weight_decay_attention."""
        return []

    def weights(self):
        """Torch name -> numpy array in float64."""
        return {name: value.detach().double().cpu().numpy() for name, value in self.state_dict().items()}

    def run_with_cache(self, batch, names_filter=None, fwd_hooks=()):
        """Logits of a Batch, and the activations by name, all of them or those that are named, as hooks leave them."""
        names, cache = chosen(self.config, hook_points(self), names_filter), {}

        def keep(value, hook):
            cache[hook.name] = value

        return self.run_with_hooks(batch, [*fwd_hooks, *((name, keep) for name in names)]), cache

    def run_with_hooks(self, batch, fwd_hooks):
        """Logits of a Batch where hooks, (name of a place, function(value, hook)), see activations in turn, hook.name being the place; what a function
        gives, unless None, replaces the value. The module is afterwards as it was before."""
        chosen(self.config, hook_points(self), [name for name, _ in fwd_hooks])
        check_fits(self.config, batch)
        some = next(self.parameters())
        handles = []
        try:
            for name, function in fwd_hooks:
                handles.append(self.get_submodule(name).register_forward_hook(_as_forward_hook(function, Place(name))))
            shift = () if getattr(batch, "shift", None) is None else (torch.as_tensor(np.asarray(batch.shift)).long().to(some.device),)
            return self(torch.as_tensor(batch.x).to(some), torch.as_tensor(np.asarray(batch.label)).to(some.device), *shift)
        finally:
            for handle in handles:
                handle.remove()


def _as_forward_hook(function, place):
    def hook(_, __, value):
        given = function(value, hook=place)
        if given is not None and given.shape != value.shape:
            raise BadInput(f"what the hook of '{place.name}' gives is {tuple(given.shape)}, and {tuple(value.shape)} is expected")
        return given

    return hook
