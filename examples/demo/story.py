"""The steps of the demo, one after the other, each of them safe to repeat."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.markup import escape
from rich.padding import Padding
from rich.text import Text

from examples.demo import chart, data, model, plant, results, samples
from examples.demo.data import MachineData
from examples.demo.reach import Manifest, Reach
from lab import images
from lab.cluster import Cluster, Lab
from lab.console import CONSOLE, say, step
from lab.errors import LabError
from lab.existing import Existing
from lab.kind import Kind
from lab.paths import Paths

CHAPTERS = 6
MORE_TREES = 200
OPERATOR_LOGS = f"lab/kubectl -n {chart.NAMESPACE} logs deployment/{chart.RELEASE}-operator"
GOES_ON = "then run the same command again: what is done stays done."


@dataclass
class Story:
    """The demo under way.

    Attributes
    ----------
    own
        The reader's own data; None for generated data and examples/spindle.yaml.
    """

    paths: Paths
    cluster: Cluster
    own: MachineData | None
    started: float = field(default_factory=time.monotonic)
    chapters: int = 0

    @property
    def reach(self) -> Reach:
        return Reach(self.paths)

    @property
    def name(self) -> str:
        return data.model_name(self.own.file) if self.own is not None else model.spindle_name()

    def tell(self) -> None:
        """Run the whole demo."""
        with self.chapter("A Kubernetes cluster", "python -m lab status", f"files in {self.paths.logs}"):
            self.cluster.up(gateway=False)
        with self.chapter("Images of operator, builder, Triton and Envoy"):
            references = {image.name: self.cluster.load(image) for image in images.available()}
            say(f"  {len(references)} images are in the cluster")
        pods = f"lab/kubectl -n {chart.NAMESPACE} describe pods"
        with self.chapter("The operator, by its chart", pods, OPERATOR_LOGS):
            self.install(references)
        with self.chapter("A plant with its data", f"lab/kubectl -n {plant.NAMESPACE} describe pods"):
            file, used = self.furnish(references["builder"])
        with self.chapter("A FaultModel, from manifest to serving", *self.model_logs()):
            made = results.outcome(self.reach, self.serve(file))
        with self.chapter("What came out", f"lab/andon status {self.name} -n {plant.NAMESPACE}"):
            self.show(made, file, used)

    @contextmanager
    def chapter(self, title: str, *logs: str) -> Iterator[None]:
        """Put a heading over a step; a failure says which step it was, and where to look."""
        self.chapters += 1
        say(f"\n[bold]{self.chapters}/{CHAPTERS}  {title}[/]")
        try:
            yield
        except LabError as error:
            look = "".join(f"\n  {line}" for line in logs)
            remedy = "\n".join(part for part in (error.remedy, f"look at:{look}" if logs else "", GOES_ON) if part)
            where = f"step {self.chapters} of {CHAPTERS}, {title}: {error.message}"
            raise LabError(error.reason, where, error.allowed, remedy) from error

    def model_logs(self) -> tuple[str, ...]:
        labels = f"andon.dev/faultmodel={self.name},app.kubernetes.io/component=build"
        return (
            f"lab/andon status {self.name} -n {plant.NAMESPACE}",
            f"lab/kubectl -n {plant.NAMESPACE} logs -l {labels}",
            OPERATOR_LOGS,
        )

    def install(self, references: Mapping[str, str]) -> None:
        """Install the operator with the images that the cluster has."""
        with step("helm upgrade --install", "under a minute") as current:
            current.note = chart.install(self.reach, references)

    def furnish(self, builder_image: str) -> tuple[Path, MachineData]:
        """Have the namespace and the data on its claim; gives the manifest's file, and the data."""
        with step(f"namespace {plant.NAMESPACE}, Pod Security restricted") as current:
            current.note = plant.namespace(self.reach)
        if self.own is None:
            with step("machine_fault.csv") as current:
                made = data.generated(model.DATA_NAME, "fault")
                current.note = f"{data.ROWS:,} rows of a milling machine, generated"
            claim, path, file = model.CLAIM, model.DATA_NAME, model.SPINDLE
        else:
            made, file = self.own, model.write_manifest(self.own)
            claim, path = model.claim_of(self.name), f"{self.name}.csv"
        with step(f"data to pvc://{claim}/{path}") as current:
            if self.has_read(made, claim):
                current.note = "it was there already"
            else:
                plant.put(self.reach, builder_image, made, claim, path)
                current.note = f"{made.bytes:,} bytes"
        return file, made

    def has_read(self, made: MachineData, claim: str) -> bool:
        """Whether the model was built from this very data, and its claim is still there."""
        known = self.reach.get(plant.NAMESPACE, "faultmodel", self.name) or {}
        build = (known.get("status") or {}).get("build") or {}
        there = self.reach.get(plant.NAMESPACE, "persistentvolumeclaim", claim) is not None
        return there and build.get("outcome") == "Succeeded" and build.get("dataSha256") == made.sha256

    def serve(self, file: Path) -> Manifest:
        """Apply the manifest and follow the model until it is Ready."""
        with step(f"kubectl apply -f {_relative(file)}") as current:
            current.note = self.reach.apply_file(plant.NAMESPACE, file)
        return model.follow(self.reach, self.name)

    def show(self, made: results.Outcome, file: Path, used: MachineData) -> None:
        """Print size, scores, predictions and what to try next."""
        _indented(results.artifact_table(made))
        for note in results.artifact_notes(made):
            _indented(Text(note, style="dim"))
        chosen = samples.held_out(file, used)
        rows = data.FOLDER / f"{self.name}-rows.csv"
        samples.write(chosen, rows)
        predictions = results.ask(self.reach, self.name, str(rows))
        way = f"its Service {results.address(self.name)}" if self.reach.names_resolve else "the API server"
        say(f"\n  Five of the rows that it was not trained on, asked through {way}:")
        _indented(results.prediction_table(made, used.target, chosen, predictions))
        say(f"\n[green]Done in {_duration(time.monotonic() - self.started)}.[/] Try next:")
        steps = results.next_steps(self.name, chosen[-1], MORE_TREES)
        for number, (what, commands) in enumerate(steps, start=1):
            say(f"  {number}. {what}")
            for command in commands:
                CONSOLE.print(Text(f"       {command}", style="cyan"))
        say(farewell(self.cluster))


def farewell(cluster: Cluster) -> str:
    """Say what stays and how to remove it."""
    if isinstance(cluster, Existing):
        undo = (
            f"lab/kubectl delete namespace {plant.NAMESPACE}; lab/helm uninstall {chart.RELEASE} -n {chart.NAMESPACE}"
        )
        return f"To remove the demo (the CRDs stay): [cyan]{undo}[/]"
    command = "CLUSTER=kind make lab-down" if isinstance(cluster, Kind) else "make lab-down"
    return f"The cluster stays up; [cyan]{command}[/] removes all of it."


def tell(paths: Paths, cluster: Cluster, file: Path | None, target: str | None) -> None:
    """Tell the demo on a cluster, with the reader's own data where a file is given.

    Raises
    ------
    LabError
        Which step failed, why, where to look and what to do.
    """
    if file is None and target is not None:
        raise LabError(
            "DataMissing", "TARGET is set, but DATA is not", remedy="set DATA to a CSV file, or unset TARGET"
        )
    own = data.read(file, target) if file is not None else None
    story = Story(paths, cluster, own)
    what = escape(f"{own.file.name}, target {own.target}") if own is not None else "examples/spindle.yaml"
    say(f"Andon's demo: from a machine's data ({what}) to a served model.")
    if isinstance(cluster, Lab):
        say("[dim]The first run builds Kubernetes and the images from source; later runs take less than a minute.[/]")
    try:
        story.tell()
    except KeyboardInterrupt:
        say(f"\n[yellow]Stopped in step {story.chapters} of {CHAPTERS};[/] {GOES_ON}")
        raise SystemExit(130) from None


def _relative(file: Path) -> str:
    here = Path.cwd()
    return str(file.relative_to(here)) if file.is_relative_to(here) else str(file)


def _indented(what: object) -> None:
    CONSOLE.print(Padding(what, (0, 0, 0, 2)), soft_wrap=False)  # type: ignore[arg-type]


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
