"""`make mutants`: runs every mutant of the targets, and fails when the survivors are not the listed ones.

A run that exceeds `--minutes` stops, says how many mutants it did not run, and fails. Naming targets runs the rest."""

from __future__ import annotations

import argparse
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.mutants import survivors
from tools.mutants.mutation import Change, Mutant, mutate
from tools.mutants.targets import TARGETS, Target

ROOT = Path(__file__).resolve().parents[2]
LISTED = Path(__file__).with_name("survivors.txt")

#: How long a test may take with a mutant: so many times what it took without, and so many seconds more.
SLOWER, SECONDS_MORE = 4.0, 6.0


class Failed(Exception):
    """The run cannot go on; the message says why."""


class Died(Exception):
    """The worker is gone, most likely because a test took too long: `test`, if it had begun one."""

    def __init__(self, test: str = "") -> None:
        super().__init__(test)
        self.test = test


class Worker:
    """One pytest session over a target's tests with its mutated modules."""

    def __init__(self, target: Target, folder: Path, log: Path) -> None:
        self._log = log
        commands, self._commands = os.pipe()
        self._answers, answers = os.pipe()
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "pytest", "-n0", "--tb=native", *_plugins(), *target.tests],
                env=os.environ | {"SERAI_MUTANTS_FOLDER": str(folder), "SERAI_MUTANTS_PIPES": f"{commands},{answers}"},
                pass_fds=(commands, answers),
                stdout=out,
                stderr=out,
                cwd=ROOT,
                start_new_session=True,
            )
        os.close(commands)
        os.close(answers)
        self._writer, self._reader = os.fdopen(self._commands, "w", buffering=1), os.fdopen(self._answers)

    def ask(self, **command: Any) -> dict[str, Any]:
        """Raises `Died`."""
        try:
            self._writer.write(json.dumps(command) + "\n")
        except BrokenPipeError:
            raise Died from None
        test = ""
        while line := self._reader.readline():
            answer: dict[str, Any] = json.loads(line)
            if "begins" not in answer:
                return answer
            test = answer["begins"]
        raise Died(test)

    def close(self) -> None:
        with suppress(BrokenPipeError):
            self._writer.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
        # Programs that the tests started and that were left when the session ended in the middle.
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.close()


def _plugins() -> Iterator[str]:
    for name in ("tools.mutants.worker", "no:cacheprovider", "no:schemathesis", "no:faker"):
        yield from ("-p", name)


@dataclass(slots=True)
class Tally:
    mutants: int
    killed: int = 0
    timeouts: int = 0
    survived: list[Mutant] = field(default_factory=list)
    #: Survivors in functions that no test calls.
    unreached: int = 0

    @property
    def done(self) -> int:
        return self.killed + len(self.survived)


class Run:
    """All mutants of one target, by several workers."""

    def __init__(self, target: Target, folder: Path, log: Path, only: str, deadline: float) -> None:
        """`deadline` is on the monotonic clock: no mutant is begun after it."""
        self._target, self._folder, self._log, self._deadline = target, folder, log, deadline
        self._modules = [mutate(file, (ROOT / file).read_text()) for file in target.modules]
        for module in self._modules:
            (folder / f"{module.name}.py").write_text(module.code)
        chosen = [mutant for module in self._modules for mutant in module.mutants if only in mutant.change.function]
        self.tally = Tally(len(chosen))
        self.mutants_of = Counter(mutant.change.file for mutant in chosen)
        self._waiting: queue.SimpleQueue[Mutant] = queue.SimpleQueue()
        for mutant in chosen:
            self._waiting.put(mutant)
        #: How often each test noticed a mutant of a function, and how often it took too long over any.
        self._noticed: Counter[tuple[str, str]] = Counter()
        self._hung: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._errors: list[BaseException] = []

    def __call__(self, workers: int) -> Tally:
        first = self._start()
        try:
            traced = first.ask(mutant=None)
        except Died:
            first.close()
            raise Failed(f"the tests of {self._target.name} cannot be run:\n{self._tail()}") from None
        if traced["failed"]:
            first.close()
            raise Failed("these fail without any mutant: " + ", ".join(traced["failed"]))
        self._calls, self._durations = traced["calls"], traced["durations"]
        # Daemons, so that Ctrl-C ends the run; workers end when nobody talks to them any more.
        threads = [
            threading.Thread(target=self._work, args=(first if number == 0 else None,), daemon=True)
            for number in range(workers)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self._errors:
            raise self._errors[0]
        return self.tally

    def _start(self) -> Worker:
        return Worker(self._target, self._folder, self._log)

    def _tail(self) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-30:])

    def _work(self, worker: Worker | None) -> None:
        try:
            while not self._errors and time.monotonic() < self._deadline:
                try:
                    mutant = self._waiting.get_nowait()
                except queue.Empty:
                    break
                worker = self._judge(mutant, worker)
        except BaseException as error:
            self._errors.append(error)
        finally:
            if worker is not None:
                worker.close()

    def _judge(self, mutant: Mutant, worker: Worker | None) -> Worker | None:
        """The worker that can go on afterwards."""
        tests = sorted(self._calls.get(mutant.key, ()), key=lambda test: self._rank(mutant, test))
        command = {
            "mutant": mutant.name,
            "tests": [(test, SLOWER * self._durations[test] + SECONDS_MORE) for test in tests],
        }
        verdict, is_broken = "", False
        # A test that fails with a mutant and goes on failing without may have been broken by an earlier one.
        for _ in range(2):
            if not tests:
                break
            worker = worker or self._start()
            try:
                answer = worker.ask(**command)
                verdict, is_broken = answer["killed_by"] or "", answer["broken"]
                self._noticed[mutant.key, verdict] += 1
            except Died as died:
                verdict, is_broken = "timeout", True
                self._hung[died.test] += 1
            if is_broken:
                worker.close()
                worker = None
            if not is_broken or verdict == "timeout":
                break
        self._count(mutant, verdict, reached=bool(tests))
        return worker

    def _rank(self, mutant: Mutant, test: str) -> tuple[int, int, float]:
        """First what noticed mutants of the function before, then what is quick; what is prone to hang comes last."""
        return self._hung[test], -self._noticed[mutant.key, test], self._durations[test]

    def _count(self, mutant: Mutant, verdict: str, *, reached: bool) -> None:
        with self._lock:
            tally = self.tally
            if not verdict:
                tally.survived.append(mutant)
                tally.unreached += not reached
            else:
                tally.killed += 1
                tally.timeouts += verdict == "timeout"
            done = tally.done
            with self._log.open("a") as log:
                log.write(f"{mutant.name}: {verdict or 'survived'}\n")
            if done % 25 == 0 or done == tally.mutants:
                print(
                    f"  {self._target.name}: {done} of {tally.mutants}, {len(tally.survived)} survive"
                    + (f", {tally.timeouts} time out" if tally.timeouts else ""),
                    flush=True,
                )


def main() -> int:
    options = _options()
    listed = survivors.parse(LISTED.read_text())
    known = {change for change, _ in listed}
    chosen = [target for target in TARGETS if not options.targets or target.name in options.targets]
    survived: list[Change] = []
    finished: set[str] = set()
    left = 0
    began = time.monotonic()
    for target in chosen:
        found, unjudged = _run(target, options.workers, options.function, known, began + 60 * options.minutes)
        survived += found
        left += unjudged
        if not unjudged:
            finished.update(target.modules)
    if options.function:
        listed = [(change, reason) for change, reason in listed if options.function in change.function]
    files = {file for target in chosen for file in target.modules}
    compared = survivors.compare([change for change, _ in listed], survived, files)
    gone = [change for change in compared.gone if change.file in finished]
    for change in gone:
        print("\nno longer survives: " + survivors.render(change, "..."))
    print(
        f"\n{len(survived)} mutants survive in {time.monotonic() - began:.0f} s: {len(compared.new)} are not listed in "
        f"tools/mutants/survivors.txt, {len(gone)} listed ones are gone."
    )
    if compared.new:
        print("Write a test that notices; where there can be none, list the mutant with the reason.")
    if gone:
        print("Take out of the list what is gone.")
    if left:
        print(f"The time is over: {left} mutants were not run. Name the targets that are left, or give more --minutes.")
    return 1 if compared.new or gone or left else 0


def _run(target: Target, workers: int, function: str, known: set[Change], deadline: float) -> tuple[list[Change], int]:
    """The survivors, and how many mutants were not run before `deadline`."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="serai-mutants-") as name:
        folder = Path(name)
        run = Run(target, folder, folder / "log", function, deadline)
        tally = run(workers) if began < deadline else run.tally
    changes = sorted(mutant.change for mutant in tally.survived)
    unlisted = Counter(change.file for change in changes if change not in known)
    for change in changes:
        if change not in known:
            print(survivors.render(change, "...") + "\n")
    surviving = Counter(change.file for change in changes)
    for file, mutants in run.mutants_of.items():
        print(f"  {file}: {mutants} mutants, {surviving[file]} survive, {unlisted[file]} of them not listed")
    print(
        f"{target.name}: {tally.mutants} mutants, {tally.killed} noticed ({tally.timeouts} by time), "
        f"{len(changes)} survive ({tally.unreached} of them no test calls), {unlisted.total()} of them not listed; "
        f"{time.monotonic() - began:.0f} s",
        flush=True,
    )
    return changes, tally.mutants - tally.done


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="target", help=", ".join(target.name for target in TARGETS))
    parser.add_argument("--function", default="", help="only mutants in functions whose name contains this")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--minutes", type=float, default=60.0, help="when to stop (60)")
    options = parser.parse_args()
    if unknown := set(options.targets) - {target.name for target in TARGETS}:
        parser.error(f"no such target: {', '.join(sorted(unknown))}")
    return options


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    try:
        sys.exit(main())
    except (Failed, survivors.Malformed) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("interrupted")
