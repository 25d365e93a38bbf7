"""Times one forward pass of the full-size network of nnInteractive v1.0 in PyTorch; prints one JSON line.

For the tuned allocator start it with --tuned-malloc (it restarts itself with glibc's thresholds raised and
transparent huge pages for malloc): PyTorch then reuses its large buffers instead of returning them to the system.
"""
import argparse
import json
import os
import resource
import sys
import time

TUNED = {"MALLOC_MMAP_THRESHOLD_": "68719476736", "MALLOC_TRIM_THRESHOLD_": "68719476736",
         "MALLOC_TOP_PAD_": "1073741824", "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
FEATURES, BLOCKS = (32, 64, 128, 256, 320, 320), (1, 3, 4, 6, 6, 6)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mode", choices=["fp32", "bf16", "autocast"], default="fp32")
    parser.add_argument("--channels-last", action="store_true")
    parser.add_argument("--patch", type=int, default=192)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--tuned-malloc", action="store_true")
    return parser.parse_args()


def restart_tuned() -> None:
    if any(os.environ.get(k) != v for k, v in TUNED.items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | TUNED)


def network():  # noqa: ANN201 - torch is imported late, after the allocator is settled
    from dynamic_network_architectures.architectures.unet import ResidualEncoderUNet
    from torch import nn
    return ResidualEncoderUNet(
        8, 6, FEATURES, nn.Conv3d, 3, (1, 2, 2, 2, 2, 2), BLOCKS, 2, (1, 1, 1, 1, 1), True, nn.InstanceNorm3d,
        {"eps": 1e-5, "affine": True}, None, None, nn.LeakyReLU, {"inplace": True}).eval()


def main() -> None:
    args = arguments()
    if args.tuned_malloc:
        restart_tuned()
    import torch
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    net, x = network(), torch.randn(1, 8, args.patch, args.patch, args.patch)
    if args.mode == "bf16":
        net, x = net.to(torch.bfloat16), x.to(torch.bfloat16)
        for pool in (m for m in net.modules() if isinstance(m, torch.nn.AvgPool3d)):  # no bf16 kernel on CPUs
            pool.forward = lambda v, f=pool.forward: f(v.float()).to(v.dtype)
    if args.channels_last:
        net, x = (v.to(memory_format=torch.channels_last_3d) for v in (net, x))
    seconds = []
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=args.mode == "autocast"):
        for _ in range(args.passes):
            start = time.perf_counter()
            net(x)
            seconds.append(round(time.perf_counter() - start, 3))
    print(json.dumps({
        "peer": "pytorch", "version": torch.__version__, "mode": args.mode, "channels_last": args.channels_last,
        "tuned_malloc": args.tuned_malloc, "patch": args.patch, "threads": args.threads, "seconds": seconds,
        "best_seconds": min(seconds), "median_seconds": sorted(seconds)[len(seconds) // 2],
        "max_rss_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9, 2)}))


if __name__ == "__main__":
    main()
