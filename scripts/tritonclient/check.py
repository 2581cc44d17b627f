"""Uses a server with tritonclient as its users do, and compares the roads to the same answer.

Usage: check.py http://HOST:PORT grpc://HOST:PORT TOKEN
"""

import io
import json
import sys
import urllib.request

import numpy as np
import tritonclient.grpc
import tritonclient.http
from PIL import Image
from tritonclient.utils import InferenceServerException

done = 0


def check(what, holds, detail=""):
    global done
    if not holds:
        sys.exit(f"serve-check: {what}: {detail}")
    done += 1


def refused(what, status, text, call):
    try:
        call()
    except InferenceServerException as e:
        check(what, status in str(e.status()) and text in str(e), f"{e.status()} {e}")
        return
    check(what, False, "no error")


http_address, grpc_address, token = (a.split("//")[-1] for a in sys.argv[1:4])
headers = {"authorization": "Bearer " + token}
clients = {
    "http": (tritonclient.http, tritonclient.http.InferenceServerClient(http_address)),
    "grpc": (tritonclient.grpc, tritonclient.grpc.InferenceServerClient(grpc_address)),
}


def infer(road, model, tensor, datatype, outputs=None, binary=True, **options):
    module, client = clients[road]
    one = module.InferInput(*tensor[:1], list(tensor[1].shape), datatype)
    if road == "http":
        one.set_data_from_numpy(tensor[1], binary_data=binary)
        wanted = outputs and [module.InferRequestedOutput(n, binary_data=binary) for n in outputs]
    else:
        one.set_data_from_numpy(tensor[1])
        wanted = outputs and [module.InferRequestedOutput(n) for n in outputs]
    return client.infer(model, [one], outputs=wanted, headers=dict(headers), **options)


for road, (module, client) in clients.items():
    check(f"{road} live", client.is_server_live())
    check(f"{road} ready", client.is_server_ready())
    check(f"{road} model ready", client.is_model_ready("eomt", headers=headers) and client.is_model_ready("eomt_image", "1", headers=headers))
    plain = {"as_json": True} if road == "grpc" else {}
    check(f"{road} metadata", "binary_tensor_data" in client.get_server_metadata(headers=headers, **plain)["extensions"])
    metadata = client.get_model_metadata("eomt", headers=headers, **plain)
    check(f"{road} model", metadata["inputs"][0]["name"] == "pixel_values", metadata)
    config = client.get_model_config("eomt", headers=headers, **plain)
    config = config.get("config", config)
    check(f"{road} configuration", config["max_batch_size"] >= 4 and config["input"][0]["data_type"] == "TYPE_FP32", config)

height, width = (int(d) for d in metadata["inputs"][0]["shape"][2:])
rng = np.random.default_rng(1)
picture = rng.integers(0, 256, [2, 3, height, width], dtype=np.uint8)
mean = np.array([0.485, 0.456, 0.406], np.float32).reshape(3, 1, 1)
std = np.array([0.229, 0.224, 0.225], np.float32).reshape(3, 1, 1)
pixels = ((picture.astype(np.float32) / 255 - mean) / std).astype(np.float32)

logits = ["class_queries_logits", "masks_queries_logits"]
answers = {
    "http binary": infer("http", "eomt", ("pixel_values", pixels), "FP32"),
    "http json": infer("http", "eomt", ("pixel_values", pixels), "FP32", logits, binary=False),
    "http gzip": infer("http", "eomt", ("pixel_values", pixels), "FP32", logits, request_compression_algorithm="gzip", response_compression_algorithm="gzip"),
    "http deflate": infer("http", "eomt", ("pixel_values", pixels), "FP32", request_compression_algorithm="deflate"),
    "grpc": infer("grpc", "eomt", ("pixel_values", pixels), "FP32", logits, request_id="7"),
    "grpc gzip": infer("grpc", "eomt", ("pixel_values", pixels), "FP32", compression_algorithm="gzip"),
    "grpc deflate": infer("grpc", "eomt", ("pixel_values", pixels), "FP32", compression_algorithm="deflate"),
}
check("grpc id", answers["grpc"].get_response().id == "7")
first = answers["http binary"]
for name, answer in answers.items():
    for output in logits:
        a, b = first.as_numpy(output), answer.as_numpy(output)
        check(f"{name} {output}", a.dtype == np.float32 and a.shape == b.shape and a.tobytes() == b.astype(np.float32).tobytes(), f"{a.shape}, {b.shape}")
for road in clients:
    got = infer(road, "eomt", ("pixel_values", picture), "UINT8")
    for output in logits:
        # Normalised here and in the network: float32 rounds differently.
        difference = np.abs(got.as_numpy(output) - first.as_numpy(output)).max()
        check(f"{road} bytes {output}", difference < 1e-3 * first.as_numpy(output).std(), difference)
    only = infer(road, "eomt", ("pixel_values", picture), "UINT8", logits[:1])
    check(f"{road} one output", only.as_numpy(logits[1]) is None)


def segments(raw):
    found = json.loads(raw)
    del found["milliseconds"]
    return found


def png(w, h):
    out = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, [h, w, 3], dtype=np.uint8)).save(out, "png")
    return out.getvalue()


# The last picture's file is larger than gRPC's usual 4 MB.
for w, h, score in ((80, 60, 0.8), (120, 90, 0.01), (1600, 1200, 0.05)):
    file = png(w, h)
    request = urllib.request.Request(f"http://{http_address}/v1/segment?score={score}", file, {"Authorization": "Bearer " + token, "Content-Type": "image/png"})
    want = segments(urllib.request.urlopen(request).read())
    for road in clients:
        parameters = {"score": str(score)}
        got = infer(road, "eomt_image", ("image", np.array([file], dtype=object)), "BYTES", parameters=parameters)
        check(f"{road} image of {w} x {h} has segments", score > 0.5 or want["segments"])
        check(f"{road} image of {w} x {h}", segments(got.as_numpy("segments")[0]) == want, f"{len(file)} bytes")
check("more than 4 MB", len(file) > 4 << 20, len(file))
count = min(4, (32 << 20) // pixels[0].nbytes)
many = np.repeat(pixels[:1], count, axis=0)
check("grpc batch equals http batch", infer("grpc", "eomt", ("pixel_values", many), "FP32").as_numpy(logits[1]).tobytes() == infer("http", "eomt", ("pixel_values", many), "FP32").as_numpy(logits[1]).tobytes())

one = ("image", np.array([b"no image"], dtype=object))
for road, codes in {"http": ("404", "400", "400", "422", "401"), "grpc": ("NOT_FOUND", "INVALID_ARGUMENT", "INVALID_ARGUMENT", "INVALID_ARGUMENT", "UNAUTHENTICATED")}.items():
    refused(f"{road} unknown model", codes[0], "there is no model", lambda: infer(road, "other", one, "BYTES"))
    refused(f"{road} unknown parameter", codes[1], "is not known", lambda: infer(road, "eomt_image", one, "BYTES", parameters={"scores": "1"}))
    refused(f"{road} shape", codes[2], "has shape", lambda: infer(road, "eomt", ("pixel_values", pixels[0]), "FP32"))
    refused(f"{road} no image", codes[3], "image", lambda: infer(road, "eomt_image", one, "BYTES"))
    headers["authorization"] = "Bearer wrong"
    refused(f"{road} token", codes[4], "bears no valid token", lambda: infer(road, "eomt_image", one, "BYTES"))
    headers["authorization"] = "Bearer " + token
print(f"serve-check: {done} checks of tritonclient over HTTP and gRPC hold")
