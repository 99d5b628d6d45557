"""`ozwald footprints` shows, compares and draws what is in the book."""

import json
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from ozwald.cli.main import cli
from ozwald.errors import RequestError, SettingsError
from ozwald.footprint.course import Curve, Point
from ozwald.footprint.measure import Meter
from ozwald.footprint.quantities import quantities
from ozwald.model.footprint import Combination, Footprint, Phase
from ozwald.state.footprint_book import record
from ozwald.state.home import DataFolder
from ozwald.state.traces import Traces
from tests.footprint.sampled import CARD, CONTAINER, GIB, card, holder, steady

WHEN = 1_795_400_000.0
BEGUN_AT_S = 5000.0
PHASES = ((Phase.BASELINE, 0.0), (Phase.LOAD, 2.0), (Phase.READY, 12.0), (Phase.UNDER_LOAD, 32.0))


def measured() -> Meter:
    """A run of forty seconds with a card, on a host that was booted long ago."""
    meter = Meter([CARD])
    for phase, at_s in PHASES:
        meter.begin(phase, BEGUN_AT_S + at_s)
    meter.follow(CONTAINER)
    for sample in steady(40, cores=1.5, memory_bytes=4 * GIB, since_s=BEGUN_AT_S):
        meter.add(replace(sample, cards={CARD: card(8 * GIB, holder(8 * GIB), power_w=70)}))
    return meter


@pytest.fixture(scope="module")
def meter() -> Meter:
    return measured()


@pytest.fixture(autouse=True)
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, meter: Meter) -> Path:
    """A book with four entries, the last of which has no trace."""
    path = tmp_path / "footprints.yml"
    for name, value in {"OZWALD_HOME": str(tmp_path / "home"), "OZWALD_FOOTPRINT_DATA": str(path)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    for footprint in entries(meter):
        record(path, footprint)
        Traces(DataFolder(tmp_path / "home")).keep(footprint, meter.trace())
    path.write_text(path.read_text() + "- {service_name: web, realm: lab, usage: {cpu_cores: 0.2, memory_gb: 0.1}}\n")
    return path


def entries(meter: Meter) -> Iterator[Footprint]:
    llm = meter.footprint(Combination(realm="default", service="llm", variety="nvidia", profile="fast"))
    yield replace(llm, host="gpu01", cards=("NVIDIA L4",) * 2, measured_at=WHEN)
    faster = replace(llm.usage, cpu_cores=0.75)
    yield replace(llm, host="gpu02", cards=("NVIDIA H100",), usage=faster, measured_at=WHEN)
    other = Combination(realm="default", service="llm", variety="amdgpu", profile="slow")
    yield replace(llm, combination=other, host="gpu03", cards=("Radeon Pro W7900",), measured_at=WHEN)


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, ["footprints", *words], standalone_mode=False, catch_exceptions=False)


def refusal(*words: str) -> str:
    with pytest.raises(RequestError) as caught:
        run(*words)
    return str(caught.value)


class TestListing:
    def test_everything_is_listed_with_its_peaks(self) -> None:
        lines = [" ".join(line.split()) for line in run().output.splitlines()]

        assert lines[0] == "SERVICE HOST CARDS CPU MEMORY VRAM AT REST MEASURED"
        assert lines[1].startswith(
            "llm[nvidia][fast] gpu01 2 x NVIDIA L4 1.50 cores 4.00 GiB 8.00 GiB 1.50 cores, 4.00 GiB, 8.00 GiB 2026-"
        )
        assert lines[4] == "lab:web - - 0.20 cores 102 MiB - - -"

    @pytest.mark.parametrize(
        ("words", "hosts"),
        [
            (["llm"], ["gpu01", "gpu02", "gpu03"]),
            (["llm[fast]"], ["gpu01", "gpu02"]),
            (["default:llm[fast][nvidia]", "--host", "*2"], ["gpu02"]),
            (["llm[amdgpu]"], ["gpu03"]),
            (["llm[nvidia]"], ["gpu01", "gpu02"]),
            (["lab:web,llm[fast]"], [None, "gpu01", "gpu02"]),
            (["--host", "gpu9"], []),
        ],
    )
    def test_what_is_asked_for_is_listed(self, words: list[str], hosts: list[str | None]) -> None:
        found = json.loads(run(*words, "--output", "json").output)

        assert [entry.get("host") for entry in found] == hosts

    def test_yaml_and_json_have_the_keys_of_the_book(self) -> None:
        (entry,) = json.loads(run("lab:web", "-o", "json").output)

        assert list(entry) == ["service_name", "realm", "profile", "variety", "usage", "schema"]

    def test_what_was_never_measured_is_said_with_the_nearest_name(self) -> None:
        text = refusal("lml")

        assert "no service 'lml' in realm 'default'; did you mean 'llm'?" in text
        assert "measure it: ozwald footprint_services lml" in text

    def test_a_book_that_is_not_there_is_empty(self, book: Path) -> None:
        book.unlink()

        assert "has no footprints yet; measure: ozwald footprint_services" in run().output
        assert "has no footprints yet" in refusal("llm")

    def test_a_book_that_is_not_understood_is_refused(self, book: Path) -> None:
        book.write_text("- service_name: llm\n")

        with pytest.raises(SettingsError, match=r"footprints\.yml:1:3: \[0\]: the key 'usage' is missing"):
            run()

    def test_without_the_variable_it_is_said_what_to_set(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("OZWALD_FOOTPRINT_DATA")

        assert "export OZWALD_FOOTPRINT_DATA=footprints.yml" in refusal()

    def test_a_dotenv_may_name_the_book(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.delenv("OZWALD_FOOTPRINT_DATA")
        (tmp_path / ".env").write_text("OZWALD_FOOTPRINT_DATA=footprints.yml\n")

        assert "gpu01" in run().output


class TestComparing:
    def test_entries_stand_side_by_side_with_ratios_to_the_first(self) -> None:
        lines = [" ".join(line.split()) for line in run("--compare", "llm[nvidia]").output.splitlines()]

        assert lines[0] == "llm[nvidia][fast] on gpu01 (2 x NVIDIA L4) llm[nvidia][fast] on gpu02 (NVIDIA H100)"
        assert lines[1] == "CPU 1.50 cores 0.75 cores x0.50"
        assert "ready after 10.0 s 10.0 s" in lines

    def test_programs_get_the_ratios_too(self) -> None:
        first, second = json.loads(run("--compare", "llm[fast]", "-o", "json").output)

        assert first["ratio_to_first"] == {"cpu_cores": 1.0, "memory_bytes": 1.0, "vram_bytes": 1.0}
        assert second["ratio_to_first"]["cpu_cores"] == 0.5

    def test_one_alone_cannot_be_compared(self) -> None:
        assert "at least two footprints, and 1 fits" in refusal("--compare", "lab:web")


class TestDrawing:
    ONE = ("llm", "--host", "gpu01")

    def test_an_svg_has_the_quantities_and_the_phases_by_name(self, tmp_path: Path) -> None:
        assert run(*self.ONE, "--plot", "run.svg").output == "written  run.svg\n"

        texts = set(ElementTree.parse(tmp_path / "run.svg").getroot().itertext())
        assert {"baseline", "load", "ready", "under-load"} <= texts
        assert {"memory [GiB]", "VRAM [GiB]", "CPU [cores]", "power [W]"} <= texts
        assert "llm[nvidia][fast] on gpu01 (2 x NVIDIA L4)" in texts

    def test_a_small_service_is_drawn_in_mib(self, meter: Meter) -> None:
        small = Curve(width_s=0.1, points=(Point(0.0, 1024.0, 4 * 1024.0**2),))
        drawn = {one.title: one.unit for one in quantities(replace(meter.trace(), memory_bytes=small))}

        assert drawn == {"memory": "MiB", "VRAM": "GiB", "CPU": "cores", "power": "W"}

    def test_a_hosts_odd_name_is_no_formula(self, book: Path, meter: Meter, tmp_path: Path) -> None:
        odd = replace(next(entries(meter)), host="$x_$ <b>&")
        record(book, odd)
        Traces(DataFolder(tmp_path / "home")).keep(odd, meter.trace())
        run("llm", "--host", "$*", "--plot", "run.svg")

        title = "llm[nvidia][fast] on $x_$ <b>& (2 x NVIDIA L4)"
        assert title in set(ElementTree.parse(tmp_path / "run.svg").getroot().itertext())

    def test_the_same_run_is_drawn_the_same(self, tmp_path: Path) -> None:
        for name in ("one.svg", "two.svg"):
            run(*self.ONE, "--plot", name)

        assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()

    def test_a_png_opens(self, tmp_path: Path) -> None:
        run(*self.ONE, "--plot", "run.PNG")

        with Image.open(BytesIO((tmp_path / "run.PNG").read_bytes())) as image:
            image.load()
            assert image.format == "PNG"
            assert image.width > 1000

    def test_the_terminal_shows_areas_and_phases(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COLUMNS", "80")
        lines = run(*self.ONE, "--plot", "-").output.splitlines()

        assert lines[0] == "llm[nvidia][fast] on gpu01 (2 x NVIDIA L4)"
        assert lines[1] == "memory, up to 4.00 GiB"
        assert "⣿" in lines[2]
        assert lines[-2].split("|")[2:] == ["load            ", "ready                           ", "under-load"]
        assert max(map(len, lines)) == 80

    def test_only_one_run_is_drawn_at_a_time(self) -> None:
        assert "  llm[nvidia][fast] on gpu02 (NVIDIA H100)" in refusal("llm", "--plot", "-")

    def test_a_run_whose_course_is_not_here_cannot_be_drawn(self) -> None:
        assert "is not kept in" in refusal("lab:web", "--plot", "-")

    def test_other_files_than_svg_and_png_are_refused(self) -> None:
        assert "run.pdf: a plot is written as .svg or .png" in refusal(*self.ONE, "--plot", "run.pdf")

    def test_without_matplotlib_it_is_said_what_to_install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)

        assert "pip install 'ozwald[plots]'" in refusal(*self.ONE, "--plot", "run.svg")


def test_nothing_is_measured_for_a_book_that_could_not_take_it(book: Path, tmp_path: Path) -> None:
    book.write_text("- service_name: llm\n")
    (tmp_path / "settings.yml").write_text(
        "hosts: {h: {ip: 127.0.0.1, port: 1}}\nrealms: {default: {service-definitions: {web: {image: i}}}}\n"
    )

    with pytest.raises(SettingsError, match=r"footprints\.yml:1:3: \[0\]: the key 'usage' is missing"):
        CliRunner().invoke(cli, ["footprint_services", "web"], standalone_mode=False, catch_exceptions=False)
