"""The vocabularies that llama.cpp carries for its own tests, with the ids that transformers gave for each text: read by
deadscope's tokenizers, ids compared.

    ninja -C build/release deadscope_tokenizer_ids
    python3 tests/peers/gguf_vocabularies.py build/release/tests/deadscope_tokenizer_ids FOLDER

FOLDER holds ggml-vocab-*.gguf with .inp and .out beside them: vendor/llama.cpp/models of the llama-cpp-python source."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from tokenizer_fuzz import ours  # noqa: E402

program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
failed = 0
for vocabulary in sorted(folder.glob("ggml-vocab-*.gguf")):
    texts = pathlib.Path(f"{vocabulary}.inp")
    if not texts.exists():
        print(f"{vocabulary.stem}: no ids beside it;", "opens" if isinstance(ours(program, vocabulary, [b"x"], True), list) else ours(program, vocabulary, [b"x"], True))
        continue
    inputs = texts.read_text().split("\n__ggml_vocab_test__\n")
    expected = [list(map(int, line.split())) for line in pathlib.Path(f"{vocabulary}.out").read_text().split("\n")[:len(inputs)]]
    found = ours(program, vocabulary, [t.encode() for t in inputs], False)
    if isinstance(found, str):
        print(f"{vocabulary.stem}: {found}")
        failed += 1
        continue
    wrong = [i for i, (a, b) in enumerate(zip(found, expected, strict=True)) if a != b]
    print(f"{vocabulary.stem}: {len(inputs) - len(wrong)} of {len(inputs)} texts")
    failed += bool(wrong)
    for i in wrong[:3]:
        print("   ", repr(inputs[i][:150]), "\n     expected", expected[i][:40], "\n     found   ", str(found[i])[:300])
sys.exit(1 if failed else 0)
