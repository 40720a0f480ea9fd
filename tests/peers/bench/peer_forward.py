"""The residual stream of every block by transformers and PyTorch, kept in memory. Prints JSON.

    python3 peer_forward.py FOLDER TOKENS"""
import json
import sys
import time

import torch
import transformers

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()
start = time.perf_counter()
model = transformers.AutoModel.from_pretrained(sys.argv[1], dtype=torch.float32).eval()
tokens, context = int(sys.argv[2]), model.config.max_position_embeddings
ids = torch.randint(0, model.config.vocab_size, (tokens,), generator=torch.Generator().manual_seed(0))
loaded = time.perf_counter()
with torch.no_grad():
    streams = [model(part[None], output_hidden_states=True, use_cache=False).hidden_states
               for part in ids.split(context)]
end = time.perf_counter()
print(json.dumps({"load_s": loaded - start, "forward_s": end - loaded, "total_s": end - start,
                  "streams": len(streams[0])}))
