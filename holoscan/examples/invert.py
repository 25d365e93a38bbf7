#!/usr/bin/env python3
"""A Holoscan application that takes images over OpenIGTLink, inverts them and sends them back with their time and place.

    python invert.py --port 18944 [--host 127.0.0.1] [--server] [--count 100]

A stand-in for any application: put a network where Invert is.
"""
import argparse

import numpy as np
from holoscan.conditions import CountCondition
from holoscan.core import Application, Operator
from sagittal_holoscan import Link, OpenIGTLinkReceiverOp, OpenIGTLinkSenderOp


class Invert(Operator):
    def setup(self, spec):
        spec.input("in")
        spec.output("out")

    def compute(self, op_input, op_output, context):
        image = np.asarray(op_input.receive("in")["image"])
        op_output.emit({"image": np.invert(image)}, "out")


class Example(Application):
    def __init__(self, link, count):
        self.link, self.count = link, count
        super().__init__()

    def compose(self):
        limit = [CountCondition(self, self.count)] if self.count else []
        receiver = OpenIGTLinkReceiverOp(self, *limit, link=self.link, name="receiver")
        invert = Invert(self, name="invert")
        sender = OpenIGTLinkSenderOp(self, link=self.link, device="Holoscan", name="sender")
        self.add_flow(receiver, invert, {("image", "in")})
        self.add_flow(invert, sender)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=18944)
    parser.add_argument("--server", action="store_true", help="listen instead of connecting")
    parser.add_argument("--count", type=int, default=0, help="end after so many images")
    options = parser.parse_args()
    Example(Link(options.host, options.port, "server" if options.server else "client"), options.count).run()
