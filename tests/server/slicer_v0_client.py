"""The nnInteractive extension of 3D Slicer, versions 0.1 to 0.3, request by request."""
import gzip
import io

import numpy as np
import requests
from requests_toolbelt import MultipartEncoder

from running_server import scan


def npy(array) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


class Client:
    """What the extension does, request by request."""

    def __init__(self, url, image=None):
        self.url = url
        self.image = scan() if image is None else image
        self.segment = np.zeros(self.image.shape, bool)

    def post(self, endpoint, **kwargs):
        response = requests.post(f"{self.url}/{endpoint}", **kwargs)
        assert response.status_code == 200
        return response

    def upload_image(self):
        encoder = MultipartEncoder(fields={"file": ("volume.npy", npy(self.image), "application/octet-stream")})
        return self.post("upload_image", data=encoder, headers={"Content-Type": encoder.content_type}).json()

    def upload_segment(self, segment=None):
        segment = self.segment if segment is None else segment
        files = {"file": ("volume.npy.gz", gzip.compress(npy(segment)), "application/octet-stream")}
        return self.post("upload_segment", files=files, headers={"Content-Encoding": "gzip"}).json()

    def encode_drawing(self, mask, positive):
        return MultipartEncoder(fields={
            "file": ("volume.npy.gz", gzip.compress(npy(mask)), "application/octet-stream"), "positive_click": str(positive)})

    def draw(self, kind, mask, positive=True, encoder=None):
        encoder = encoder or self.encode_drawing(mask, positive)
        response = self.post(f"add_{kind}_interaction", data=encoder,
                             headers={"Content-Type": encoder.content_type, "Content-Encoding": "gzip"})
        return self.unpack(response)

    def point(self, coordinate, positive=True):
        return self.unpack(self.post("add_point_interaction", json={"voxel_coord": coordinate, "positive_click": positive}))

    def box(self, one, two, positive=True):
        return self.unpack(self.post("add_bbox_interaction", json={
            "outer_point_one": one, "outer_point_two": two, "positive_click": positive}))

    def unpack(self, response):
        """The mask, or the JSON of an error."""
        if "application/json" in response.headers["Content-Type"]:
            answer = response.json()
            assert answer["status"] == "error", "an answer without a mask must be an error"
            return answer
        assert response.headers["Content-Encoding"] == "gzip"
        assert len(response.content) == (self.image.size + 7) // 8
        bits = np.unpackbits(np.frombuffer(response.content, np.uint8))
        assert not bits[self.image.size:].any()
        return bits[:self.image.size].reshape(self.image.shape).astype(bool)
