"""A Dask cluster as an engine: its workers are told to use one polars thread each.

Start one for real, on any machines that see the project (a shared folder, or object
storage) and have the same versions installed (`pip install "replaykit[cluster]"`):

```bash
dask scheduler --host 10.0.0.5 --no-dashboard
POLARS_MAX_THREADS=1 dask worker tcp://10.0.0.5:8786 --nworkers 8 --nthreads 1
```

then `rk.open("/shared/shop.rk", engine=Client("tcp://10.0.0.5:8786"))`. The scheduler
runs whatever it is sent: bind it to a private address, or give it TLS. On one machine
`Client(LocalCluster(n_workers=2, threads_per_worker=1))` does; the engine `"threads"`
needs nothing at all and is as fast there.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final
from warnings import warn

from replaykit import pinning

if TYPE_CHECKING:
    from replaykit.engine import Engine

_PINNED: Final = "replaykit-one-thread"
_prepared: set[int] = set()


def prepare(engine: Engine) -> None:
    """Pin the workers of a Dask client to one polars thread; leave others alone.

    A worker that has imported polars before keeps its threads, and is named in a
    warning: it competes with its neighbours for cores, its answers are the same.
    """
    distributed: Any = sys.modules.get("distributed")
    if distributed is None or not isinstance(engine, distributed.Client):
        return
    client: Any = engine
    from cloudpickle import register_pickle_by_value  # noqa: PLC0415 - with Dask only

    # Sent as code: a worker that imported replaykit for it would import polars first.
    register_pickle_by_value(pinning)
    pin = pinning.pin
    threads = client.run(pin)
    if id(client) not in _prepared:
        _prepared.add(id(client))

        # Dask's classes are untyped.
        class Pin(distributed.WorkerPlugin):  # type: ignore[misc]
            """Pins workers that join later."""

            def setup(self, worker: object) -> None:
                """Run when a worker starts."""
                del worker
                pin()

        client.register_plugin(Pin(), name=_PINNED)
    loose = sorted(name for name, count in threads.items() if count > 1)
    if loose:
        warn(
            f"{len(loose)} workers use several polars threads each ({loose[0]}, …). "
            "Start them with POLARS_MAX_THREADS=1, one worker per core.",
            stacklevel=4,
        )
