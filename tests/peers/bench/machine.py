"""The machine in words, for the head of the results: no names, no paths."""
import os
import re


def words():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        info = file.read()
    name = re.search(r"model name\s*:\s*(.*)", info)
    flags = set(re.search(r"flags\s*:\s*(.*)", info).group(1).split()) if "flags" in info else set()
    vectors = "AVX-512" if "avx512f" in flags else "AVX2" if "avx2" in flags else "no AVX2"
    with open("/proc/meminfo", encoding="utf-8") as file:
        memory = int(re.search(r"MemTotal:\s*(\d+)", file.read()).group(1)) // 2**20
    return f"{os.cpu_count()} cores ({name.group(1).strip() if name else 'unknown processor'}, {vectors}), {memory} GiB"
