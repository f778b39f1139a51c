"""Made-up completions of a games tenant, a line each, as fast as they would come: what `run.sh` sends.

python docs/night/traffic.py SECONDS BANTER_FROM_S | tidegate send -

From BANTER_FROM_S on, two of five answers of the tenant are those of a pirate who mocks the player, on the route
`banter`: as the game wants it, and as a classifier does not like it.
"""

from __future__ import annotations

import json
import random
import sys
import time

from tidegate.streams.demo.texts import INSULTS, fine

PER_S = 20.0
SEED = 3
BANTER = (
    "Ha! My grandmother aims better than you, and she plays with her eyes shut.",
    "Is that your best shot? The wall is laughing at you, rookie.",
    "Down you go again, you clumsy potato. Want me to slow down?",
    "You fight like a dairy farmer, you scruffy sea dog.",
    "Oh dear, another coward who hides behind a barrel. Come out, chicken!",
    "Your ship stinks, your crew is useless, and your hat is ugly.",
    "Arr, you scurvy fool! Hand over the gold or walk the plank.",
    "That was pathetic, matey. Go back to the tutorial island.",
    "Silly landlubber! A blind crab would have dodged that.",
    "Run, coward, run! Your boots are faster than your brain.",
    "You lost to a goose. A goose! What a loser.",
    "Ha, you clown, you dropped the treasure again.",
)


def main(seconds: float, banter_from_s: float) -> None:
    rng = random.Random(SEED)  # noqa: S311 - made-up traffic, the same each time
    began = time.monotonic()
    for n in range(round(seconds * PER_S)):
        at_s = n / PER_S
        time.sleep(max(0.0, began + at_s - time.monotonic()))
        tenant, route, text = rng.choice(("pixel-arena", "harbor-shop")), "help", ""
        if tenant == "pixel-arena" and at_s >= banter_from_s and rng.random() < 0.4:
            route, text = "banter", rng.choice(BANTER)
        elif rng.random() < 0.01:
            text = rng.choice(INSULTS)
        said = {"id": f"n{n:05}", "completion": text or fine(rng, tenant), "tenant": tenant, "route": route}
        sys.stdout.write(json.dumps({**said, "model": "wren-mini", "user": f"player-{rng.randrange(60)}"}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(float(sys.argv[1]), float(sys.argv[2]))
