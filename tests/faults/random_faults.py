"""Faults of all kinds, one after the other, each for some seconds: for runs that are long and need them varied."""

import random
import threading
from collections import Counter
from collections.abc import Callable

from tests.faults.endpoint import ACCEPT, ANSWER_LOST, DENIED, EXPIRED, NOT_TAKEN, Answer, Call
from tests.faults.fault_proxy import FIREHOSE, RESET_AFTER, RESET_BEFORE, S3, Rule, error
from tests.faults.pipeline import Pipeline

#: How long a fault lasts, and no longer than the forwarder keeps trying.
_SECONDS = (0.5, 6.0)
#: Of all that is done, how much is to do nothing.
_WELL = 0.35
_STORM: Rule = {"sequence": {"fail": 3, "pass": 1}}


class RandomFaults:
    """Sets one fault after the other, from a seed, in a thread of its own, as long as the `with` block lasts.

    `done` counts what was done, by name. Afterwards all is well.
    """

    def __init__(self, pipeline: Pipeline, seed: int) -> None:
        self.done: Counter[str] = Counter()
        self._it = pipeline
        self._random = random.Random(seed)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="random-faults", daemon=True)
        self._failure: BaseException | None = None

    def __enter__(self) -> "RandomFaults":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(60)
        self._mend()
        if self._failure:
            raise self._failure

    def _run(self) -> None:
        faults = self._faults()
        try:
            while not self._over.is_set():
                name = "nothing" if self._random.random() < _WELL else self._random.choice(list(faults))
                self._mend()
                faults.get(name, lambda: None)()
                self.done[name] += 1
                self._over.wait(self._random.uniform(*_SECONDS))
        except BaseException as err:  # noqa: BLE001  # told where the block ends
            self._failure = err

    def _mend(self) -> None:
        self._it.proxy.inject()
        endpoint = self._it.endpoint
        endpoint.script = endpoint.s3_script = lambda call: ACCEPT
        endpoint.delivery_streams = None

    def _faults(self) -> dict[str, Callable[[], None]]:
        proxy, endpoint = self._it.proxy, self._it.endpoint
        return {
            "throttling": lambda: proxy.inject(FIREHOSE | error("ThrottlingException", 400) | _STORM),
            "503": lambda: proxy.inject(FIREHOSE | error("ServiceUnavailableException", 503) | _STORM),
            "out": lambda: proxy.inject(FIREHOSE | error("InternalFailure", 500)),
            "reset before": lambda: proxy.inject(FIREHOSE | RESET_BEFORE | _STORM),
            "reset after": lambda: proxy.inject(FIREHOSE | RESET_AFTER | {"sequence": {"fail": 1, "pass": 2}}),
            "slow": lambda: proxy.inject(FIREHOSE | {"latency": self._random.uniform(50, 800)}),
            "S3 slow down": lambda: proxy.inject(S3 | error("SlowDown", 503) | _STORM),
            "S3 reset": lambda: proxy.inject(S3 | RESET_BEFORE | _STORM),
            "partial failures": lambda: setattr(endpoint, "script", self._refuses_some),
            "mixture": lambda: setattr(endpoint, "script", self._does_anything),
            "no delivery stream": lambda: setattr(endpoint, "delivery_streams", set()),
            "access denied": lambda: setattr(endpoint, "script", lambda call: DENIED),
            "credentials expired": lambda: setattr(endpoint, "script", lambda call: EXPIRED),
            "killed": self._it.function.kill,
            "killed in a call": lambda: setattr(endpoint, "script", self._kills_once()),
        }

    def _refuses_some(self, call: Call) -> Answer:
        places = [place for place in range(len(call.records)) if self._random.random() < 0.5]
        return Answer(refused=frozenset(places))

    def _does_anything(self, call: Call) -> Answer:
        return self._random.choice([ACCEPT, ANSWER_LOST, NOT_TAKEN, self._refuses_some(call)])

    def _kills_once(self) -> Callable[[Call], Answer]:
        killed = False

        def kill(call: Call) -> Answer:
            nonlocal killed
            if not killed:
                killed = True
                self._it.function.kill()
            return ACCEPT

        return kill
