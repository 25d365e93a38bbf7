#!/usr/bin/env python3
"""OpenIGTLink over loopback, checksum on: ours and, in the same run, the library that Debian ships.

stream.py SAGITTAL STOCK_STREAM [SECONDS] [--json]; both are built: sagittal, stock_stream (needs libopenigtlink-dev).
"""
import argparse
import json
import subprocess

NAMES = {"paced_1080p_rgb": "1920x1080 RGB, 60/s", "paced_640x480_gray": "640x480 gray, 60/s", "paced_transform": "TRANSFORM, 1000/s"}


def measured(*command) -> dict:
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("sagittal")
    parser.add_argument("stock")
    parser.add_argument("seconds", nargs="?", default="5")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    stock = measured(options.stock, options.seconds)
    ours = measured(options.sagittal, "bench", "stream", "--seconds", options.seconds, "--json")
    ratio = ours["flat_out_1080p_rgb"]["fps"] / stock["flat_out_1080p_rgb"]["fps"]
    if options.json:
        print(json.dumps({"ours": ours, "stock": stock, "ratio_1080p_fps": ratio}))
        return
    print(f"{ours['cpu']}, {ours['cores']} cores")
    print(f"{'1920x1080 RGB, flat out':<24} ours {ours['flat_out_1080p_rgb']['fps']:7.1f} fps   stock "
          f"{stock['flat_out_1080p_rgb']['fps']:7.1f} fps   {ratio:.1f} times")
    for key, name in NAMES.items():
        print(f"{name:<24} " + "   ".join(f"{who} p50 {one[key]['p50_ms']:7.3f} p99 {one[key]['p99_ms']:7.3f} ms"
                                          for who, one in (("ours", ours), ("stock", stock))))


if __name__ == "__main__":
    main()
