"""The packaged demo: a recorded home-goods shop and a population of any size.

- `stories` tells what goes wrong in the shop, with numbers.
- `population.population(users)` draws the shop's events;
  `population.write_population(folder, events=…)` writes them as Parquet.
- `sample.recorded_events()` and `sample.recorded_replays()` are the packaged sample:
  what forty of these people did in the last ten days, and the recording of it.
- `visitors.NOW` and `visitors.TZ` are the demo's clock.
- `python -m replaykit.demoshop.record` records the sample again; `python -m
  replaykit.demoshop.shop` serves the shop to click through.
"""
