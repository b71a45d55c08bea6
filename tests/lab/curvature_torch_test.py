"""`icl probe` against torch's autograd: all of a small run's Hessian and Fisher matrix in double. Without torch: ends with 77, skipped.

usage: curvature_torch_test.py ICL      with src/python in PYTHONPATH
"""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

try:
    import torch
except ImportError:
    print("curvature_torch_test: skipped, as torch is not installed (on Debian: apt-get install python3-torch)")
    sys.exit(77)

import h5py
import icl_lab
import numpy as np

ICL = os.environ["ICL_PROGRAM"] = os.path.abspath(sys.argv[1])
SETTINGS = ["model.hidden=6", "data.K=32", "data.N=6", "data.D=4", "train.epochs=5", "train.steps_per_epoch=40", "train.batch_size=64",
            "train.learning_rate=0.3", "eval.sequences=40", "probe.sequences=0", "record.snapshots=2"]
SYSTEMS = ("one_layer", "multi_layer", "scalar_beta", "minimal", "memoriser")
MORE = {"minimal": ["model.w0=0.5"]}
SEQUENCES = 128


def matrices(model, batches):
    """Loss, gradients of sequences [n, d], Hessian and true Fisher matrix [d, d] over all sequences, in the order of the module's parameters."""
    parameters = list(model.parameters())
    flat = torch.cat([p.detach().reshape(-1) for p in parameters])

    def row(value, retain):
        parts = torch.autograd.grad(value, parameters, create_graph=retain, retain_graph=True)
        return torch.cat([part.reshape(-1) for part in parts])

    logits = torch.cat([model(*batch.tensors("float64")) for batch in batches])
    answer = torch.cat([torch.as_tensor(batch.answer, dtype=torch.float64) for batch in batches])
    losses = torch.nn.functional.softplus(-answer * logits)
    loss = losses.mean()
    gradient = row(loss, True)
    hessian = torch.stack([row(gradient[i], True).detach() if gradient[i].requires_grad else torch.zeros_like(flat) for i in range(len(flat))])
    jacobian = torch.stack([row(z, False).detach() for z in logits])
    chance = torch.sigmoid(logits).detach()
    fisher = (jacobian * (chance * (1 - chance))[:, None]).T @ jacobian / len(logits)
    each = jacobian * (-answer * torch.sigmoid(-answer * logits)).detach()[:, None]
    return loss.item(), *(m.numpy() for m in (each, hessian, fisher))


def roles(model):
    """For each number of the parameters: norm, query_key, value or mlp."""
    out = []
    for name, parameter in model.named_parameters():
        if name.endswith("qkv.weight"):
            out += np.repeat(["query_key", "query_key", "value"], parameter.numel() // 3).tolist()
        else:
            role = "norm" if "embedding" in name else "mlp" if "mlp." in name else {"beta": "query_key", "w": "value", "value.weight": "value"}[name]
            out += [role] * parameter.numel()
    return np.array(out)


class AgainstAutograd(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="icl-curvature-")))
        (self.folder / "run.toml").write_text("")

    def probed(self, system, *options):
        """A run of the system, and its probe file."""
        path = self.folder / f"{system}.h5"
        words = [w for s in [*SETTINGS, f'model.system="{system}"', *MORE.get(system, ())] for w in ("--set", s)]
        subprocess.run([ICL, "train", self.folder / "run.toml", "--out", path, "--quiet", *words], check=True)
        subprocess.run([ICL, "probe", path, "--sequences", str(SEQUENCES), "--quiet", *options], check=True)
        run = icl_lab.open(path)
        batches = [batch[:64] for batch in run.loader("train", [2**32 - 1, 2**32 - 2])]
        return run, batches, self.enterContext(h5py.File(self.folder / f"{system}.probe.h5"))

    def test_eigenvalues_traces_and_noise_are_those_of_autograd(self):
        for system in ("one_layer", "multi_layer", "minimal"):
            run, batches, probe = self.probed(system, "--curvature", "--products", "400", "--trace-vectors", "60")
            found = probe["curvature"]
            circuits = [name.decode() if isinstance(name, bytes) else name for name in found.attrs["circuits"]]
            for s, step in enumerate(found["step"][:]):
                model = run.model(int(step), "float64")
                role = roles(model)
                loss, each, hessian, fisher = matrices(model, batches)
                self.assertAlmostEqual(found["loss"][s], loss, places=12)
                for c, name in enumerate(circuits):
                    with self.subTest(system=system, step=int(step), circuit=name):
                        inside = {"all": role != "", "attention": role != "mlp"}.get(name, role == name)
                        self.check(found, (s, c), each[:, inside], hessian[np.ix_(inside, inside)], fisher[np.ix_(inside, inside)])

    def check(self, found, at, each, hessian, fisher):
        """What the file has of a circuit at a step, against the gradients of the sequences [n, d] and the blocks [d, d]."""
        self.assertEqual(found["parameters"][at[1]], len(hessian))
        for kind, block in (("hessian", hessian), ("fisher", fisher)):
            # A Ritz value lies within its error of an eigenvalue and at or below that of its rank, and the tolerance is 1e-3 of the largest.
            every = np.linalg.eigvalsh(block)[::-1]
            expected, scale = every[:5], abs(every).max()
            ritz, error = (found[f"{kind}_eigenvalue{name}"][at][: len(expected)] for name in ("", "_error"))
            np.testing.assert_array_less(np.abs(ritz[:, None] - every).min(axis=1), error + 1e-6 * scale, err_msg=kind)
            np.testing.assert_array_less(ritz, expected + 1e-6 * scale, err_msg=kind)
            np.testing.assert_array_less(expected - ritz, 2e-3 * scale, err_msg=kind)
            np.testing.assert_array_less(error, 1e-3 * scale, err_msg=kind)
        self.assertAlmostEqual(found["fisher_trace"][at] / np.trace(fisher), 1, places=9)
        self.assertLess(abs(found["hessian_trace"][at] - np.trace(hessian)), 5 * found["hessian_trace_error"][at] + 1e-6 * abs(np.trace(hessian)))
        self.assertAlmostEqual(found["gradient_norm"][at] / np.linalg.norm(each.mean(axis=0)), 1, places=9)
        self.assertAlmostEqual(found["noise_trace"][at] / each.var(axis=0, ddof=1).sum(), 1, places=9)

    def test_chains_follow_the_gradients_of_autograd(self):
        # The noise, sqrt(epsilon) a step, is 1e-10, so that a chain is gradient descent with a pull back, for as many steps as its losses say.
        epsilon, n_beta, gamma, draws = 1e-20, 4e18, 2e18, 40
        for system in SYSTEMS:
            run, batches, probe = self.probed(system, "--llc", "--steps", "200", "--llc-epsilon", str(epsilon), "--llc-nbeta", str(n_beta), "--llc-gamma", str(gamma),
                                              "--llc-burn-in", "0", "--llc-draws", str(draws), "--llc-chains", "2")
            start = torch.cat([p.detach().reshape(-1) for p in run.model(200, "float64").parameters()])
            for chain in range(2):
                model = run.model(200, "float64")
                losses = []
                for t in range(draws):
                    batch = batches[(chain + t) % 2]
                    loss = torch.nn.functional.softplus(-torch.as_tensor(batch.answer) * model(*batch.tensors("float64"))).mean()
                    losses.append(loss.item())
                    gradient = torch.cat([g.reshape(-1) for g in torch.autograd.grad(loss, list(model.parameters()))])
                    w = torch.nn.utils.parameters_to_vector(model.parameters()).detach()
                    torch.nn.utils.vector_to_parameters(w - epsilon / 2 * (n_beta * gradient + gamma * (w - start)), model.parameters())
                np.testing.assert_allclose(probe["llc/chain_loss"][0, 0, 0, chain], losses, rtol=0, atol=1e-8, err_msg=f"{system} {chain}")
                self.assertGreater(np.ptp(losses[::2]), 1e-4, system)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
