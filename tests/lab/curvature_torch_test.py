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
SETTINGS = ["model.hidden=8", "data.K=32", "data.N=6", "data.D=4", "train.epochs=5", "train.steps_per_epoch=40", "train.batch_size=64",
            "train.learning_rate=0.3", "eval.sequences=40", "probe.sequences=0", "record.snapshots=3"]
SEQUENCES = 128


def matrices(model, batches):
    """Loss, gradients of sequences [n, d], Hessian and true Fisher matrix [d, d] over all sequences, in the order of the parameters' names in the file."""
    parameters = list(model.parameters())
    flat = torch.cat([p.detach().reshape(-1) for p in parameters])
    sizes = [p.numel() for p in parameters]

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
    return loss.item(), sizes, [m.numpy() for m in (each, hessian, fisher)]


class AgainstAutograd(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="icl-curvature-")))
        (folder / "run.toml").write_text("")
        cls.path = folder / "run.h5"
        words = [w for s in SETTINGS for w in ("--set", s)]
        subprocess.run([ICL, "train", folder / "run.toml", "--out", cls.path, "--quiet", *words], check=True)
        subprocess.run([ICL, "probe", cls.path, "--curvature", "--sequences", str(SEQUENCES), "--products", "400", "--trace-vectors", "60", "--quiet"], check=True)
        cls.run_file = icl_lab.open(cls.path)
        cls.probe = cls.enterClassContext(h5py.File(folder / "run.probe.h5"))

    def test_eigenvalues_traces_and_noise_are_those_of_autograd(self):
        found = self.probe["curvature"]
        circuits = [name.decode() if isinstance(name, bytes) else name for name in found.attrs["circuits"]]
        batches = [batch[:64] for batch in self.run_file.loader("train", [2**32 - 1, 2**32 - 2])]
        for s, step in enumerate(found["step"][:]):
            model = self.run_file.model(int(step), "float64")
            loss, sizes, (each, hessian, fisher) = matrices(model, batches)
            names = [name for name, _ in model.named_parameters()]
            role = np.concatenate([np.repeat(["norm" if "embedding" in n else "mlp" if n.startswith("mlp") else "qkv"], k) for n, k in zip(names, sizes)]).astype(object)
            width = sizes[names.index("qkv.weight")] // 3
            role[role == "qkv"] = np.repeat(["query_key", "query_key", "value"], width)
            self.assertAlmostEqual(found["loss"][s], loss, places=12)
            for c, name in enumerate(circuits):
                inside = {"all": role != "", "attention": role != "mlp"}.get(name, role == name)
                self.assertEqual(found["parameters"][c], inside.sum(), name)
                for kind, matrix in (("hessian", hessian), ("fisher", fisher)):
                    block = matrix[np.ix_(inside, inside)]
                    expected = np.linalg.eigvalsh(block)[::-1][:5]
                    error = found[f"{kind}_eigenvalue_error"][s, c] + 1e-6 * expected[0]
                    np.testing.assert_array_less(np.abs(found[f"{kind}_eigenvalue"][s, c] - expected), error, err_msg=f"{kind} {name} {step}")
                self.assertAlmostEqual(found["fisher_trace"][s, c] / np.trace(fisher[np.ix_(inside, inside)]), 1, places=9)
                exact = np.trace(hessian[np.ix_(inside, inside)])
                self.assertLess(abs(found["hessian_trace"][s, c] - exact), 5 * found["hessian_trace_error"][s, c] + 1e-6 * abs(exact), f"{name} {step}")
                gradient = each[:, inside].mean(axis=0)
                self.assertAlmostEqual(found["gradient_norm"][s, c] / np.linalg.norm(gradient), 1, places=9)
                self.assertAlmostEqual(found["noise_trace"][s, c] / each[:, inside].var(axis=0, ddof=1).sum(), 1, places=9)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
