"""One forward pass of a GGUF file by llama.cpp, through llama-cpp-python. Prints JSON.

    python3 peer_llama_cpp.py FILE.gguf TOKENS THREADS"""
import json
import sys
import time

import numpy as np
from llama_cpp import Llama

start = time.perf_counter()
tokens = int(sys.argv[2])
context = min(tokens, 2048)
model = Llama(sys.argv[1], n_ctx=context, n_batch=context, n_ubatch=512, n_threads=int(sys.argv[3]),
              n_threads_batch=int(sys.argv[3]), verbose=False)
ids = np.random.default_rng(0).integers(0, model.n_vocab(), tokens)
loaded = time.perf_counter()
for first in range(0, tokens, context):
    model.reset()
    model.eval(ids[first:first + context].tolist())
end = time.perf_counter()
print(json.dumps({"load_s": loaded - start, "forward_s": end - loaded}))
