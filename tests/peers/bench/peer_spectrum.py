"""`deadscope read FILE --gamma G` as a person writes it in NumPy: the spectrum of activations and the alignment.

    python3 peer_spectrum.py ACTIVATIONS.npy GAMMA.npy"""
import json
import sys
import time

import numpy as np

start = time.perf_counter()
y = np.load(sys.argv[1]).astype(np.float64)
gamma = np.load(sys.argv[2]).astype(np.float64)
y = (y - y.mean(0)) / np.sqrt(len(y))
_, sigma, vt = np.linalg.svd(y, full_matrices=False)
v = 1 / gamma
v /= np.linalg.norm(v)
print(json.dumps({"alignment": abs(vt[-1] @ v), "sigma_min": sigma[-1], "lambda_v": float(np.sum((y @ v) ** 2)),
                  "seconds": time.perf_counter() - start}))
