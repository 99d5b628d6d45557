"""Generated calls, good and bad, get only the answers that the OpenAPI document names."""

import re
import subprocess
import sys
from pathlib import Path

from ozwald.api.routes import ROUTES
from tests.api.calling import KEY
from tests.api.load import standing

# A service or host that does not exist is refused, which no schema can say.
UNFIT = "positive_data_acceptance"
# A list that is too long may be a body that is too large.
REFUSED = "[checks.negative_data_rejection]\nexpected-statuses = [400, 401, 404, 405, 409, 413, 415, 422, 431]\n"


def test_no_generated_call_gets_an_answer_that_is_not_in_the_document(tmp_path: Path) -> None:
    (tmp_path / "schemathesis.toml").write_text(REFUSED)
    with standing(tmp_path, services=4) as port:
        site = f"http://127.0.0.1:{port}"
        words = [sys.executable, "-m", "schemathesis.cli", "run", f"{site}/openapi.json", "--url", site]
        words += ["-H", f"Authorization: Bearer {KEY}", "--exclude-checks", UNFIT]
        words += ["--max-examples", "15", "--seed", "1", "--no-color"]
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)

    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-1000:]
    paths = sum(len(route.paths) for route in ROUTES)  # it leaves out the document's own
    assert re.search(rf"Tested: +{paths}$", done.stdout, re.MULTILINE)
