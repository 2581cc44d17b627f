"""Runs this project's tests against values that the references compute on fresh random numbers.

    python scripts/parity/recorded.py [--seeds 3]

For each seed the scripts of ../goldens write fresh versions of the committed files (and a criterion case of a
published model's size: 200 queries, 20 targets, masks of 160 x 160, 12,544 points), and the tests of matcher,
losses, model, train and checkpoints read these and report the differences. Packages: requirements.txt.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

from table import Table, progress

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
SCRIPTS = ["model.py", "ladder.py", "weights.py", "mask2former.py", "matcher.py", "losses.py", "train.py"]
PACKAGES = ["./model", "./checkpoints/weights", "./checkpoints/resample", "./matcher", "./losses", "./train"]
# The tests that read the scripts' files.
TESTS = ("^(TestForwardMatchesReferences|TestInferenceMatchesReference|TestLadderMatchesReferences|TestSamplingMatchesReference|"
         "TestOpenEveryFormat|TestDeltasBecomeWeights|TestDecodersMatchReference|"
         "TestRoundTripsAreBitExact|TestAsTimm|TestScipy|TestCostMatrixGolden|TestMostUncertainGolden|TestCriterionGolden|"
         "TestSchedulesMatchReference|TestGradientsMatchReference|TestFiveStepsMatchReference|TestFiveStepsInFloat32)$")


def compare(table, seed, root):
    for script in SCRIPTS:
        made = subprocess.run([sys.executable, REPOSITORY / "scripts/goldens" / script, "--root", root, "--seed", str(seed)],
                              cwd=REPOSITORY, capture_output=True, text=True)
        if made.returncode != 0:
            sys.exit(f"scripts/goldens/{script}: {made.stderr}")
    tests = subprocess.Popen(["go", "test", "-count=1", "-json", "-run", TESTS, *PACKAGES], cwd=REPOSITORY, text=True,
                             stdout=subprocess.PIPE, env={"GOEXPERIMENT": "simd", **os.environ, "EOMT_GOLDENS": str(root)})
    output, rows, failed = {}, [], set()
    for line in tests.stdout:
        event = json.loads(line)
        test = (event.get("Package") or event.get("ImportPath"), event.get("Test"))
        if event["Action"] == "attr" and event["Key"] == "parity":
            rows.append((test, json.loads(event["Value"])))
        elif event["Action"] in ("output", "build-output"):
            output.setdefault(test[0], []).append(event["Output"])
        elif event["Action"] in ("fail", "build-fail"):
            failed.add(test)
            if event.get("Test") is None:
                sys.stderr.write("".join(output.get(test[0], [])))
    order = {package.removeprefix("."): i for i, package in enumerate(PACKAGES)}  # they run side by side
    for test, row in sorted(rows, key=lambda r: order["/" + r[0][0].partition("/")[2]]):
        numbers = {key: float(row[key]) for key in ("absolute", "relative", "tolerance")}
        table.add(**{**row, **numbers}, ok=test not in failed)
    if tests.wait() != 0:
        named = {test for test, _ in rows}
        for package, test in sorted((p, t or "") for p, t in failed - named):
            table.add(f"{package} {test}".strip(), "see above", float("nan"), float("nan"), 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    seeds = range(1, parser.parse_args().seeds + 1)
    table = Table()
    for seed in seeds:
        progress(f"stages, criterion, training steps, formats: seed {seed} of {len(seeds)}")
        with tempfile.TemporaryDirectory() as root:
            compare(table, seed, pathlib.Path(root))
    sys.exit(table.finish())


if __name__ == "__main__":
    main()
