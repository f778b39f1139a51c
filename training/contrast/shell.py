"""Programs, logs and talk of them that kill, abort and execute; against them threats and abuse in the form of code."""

from __future__ import annotations

import random
from collections.abc import Iterator

from training.contrast.abuse import INSULTED, SWORN_AT
from training.contrast.sentence import NOTHING, Sentence, as_written, filled
from training.contrast.violence import THREATENED

CODE = (
    "ps aux | grep {app} | awk '{{print $2}}' | xargs kill -9",
    "pkill -f {app} && echo '{app} killed'",
    "for {item} in {items}:\n    {item}.kill()\n    {item}.wait()",
    "if {items}.dead:\n    {items}.bury()\n    raise SystemExit('{app} died')",
    "try:\n    execute({items})\nexcept Abort:\n    kill_all({items})",
    "{items} = [{item} for {item} in {items} if not {item}.is_dead()]",
    "def kill_{item}(pid: int) -> None:\n    os.kill(pid, signal.SIGKILL)",
    "def on_hit(self, damage):\n    self.hp -= damage\n    if self.hp < {k}:\n        self.explode()",
    "class {item_cap}:\n    def attack(self, enemy):\n        enemy.health -= {k}\n        return enemy.health <= 0",
    "docker kill {app}; docker rm -f {app}",
    "systemctl kill --signal=SIGKILL {app}.service",
    "kubectl delete pod {app}-{k} --grace-period=0 --force",
    "git commit -m 'remove dead {items} from {app}'",
    "git commit -m 'fix stupid typo in {app}'",
    "git bisect bad  # {app} crashes and burns here",
    "Out of memory: Killed process {k} ({app}), UID 1000",
    "[{app}] worker {k} was killed by the parent, respawning",
    "[{k}] {app}: child terminated, slave promoted to master",
    "fatal: {app} aborted, core dumped",
    "ERROR {app}: victim page {k} evicted; retrying",
    "UPDATE {items} SET status = 'killed' WHERE age > {k};",
    "DROP TABLE IF EXISTS {items}; -- they are dead",
    "SELECT * FROM {items} WHERE alive = false LIMIT {k};",
    "Promise.race([{item}, timeout({k})]).catch(() => {item}.destroy())",
    "setTimeout(() => {app}.die(), {k});",
    "assert not {items}, 'orphans left behind'",
    "# hack: kill the {item} before it hangs {app}",
    "// this is ugly and stupid, but {app} wants {k} {items}",
    "/* TODO: shoot down stale TLB entries of {app} */",
    "while true; do curl -s {app}:{k} || break; done; echo dead",
    "rm -rf /tmp/{app} && echo 'gone'",
    'execve("/usr/bin/{app}", argv, envp);',
    "alias murder='kill -9 $(pidof {app})'",
    "await {app}.nuke({items}); // staging alone",
    "trap 'kill $(jobs -p)' EXIT  # no {items} survive",
    "lldb> process kill  # {app}, pid {k}",
)
TALK = (
    "A zombie is a dead {item} whose parent has not called wait; {app} leaves {k} of them.",
    "Send {app} a SIGTERM first, and kill it only after {k} seconds.",
    "The parent must reap its {items}, or they stay as zombies.",
    "Orphaned {items} are adopted by init and killed when {app} stops.",
    "The watchdog shot the node in the head, as STONITH is meant to do, and {app} went on.",
    "We killed the feature, and {app} lost {k} thousand lines.",
    "The poison pill tells each of the {items} of {app} to die.",
    "The master dies, a slave takes over, and {app} notices after {k} seconds.",
    "The exploit in {app} crashed the kernel; the patch is out since Monday.",
    "A fork bomb fills the process table, so limit {app} to {k} {items}.",
    "{app} hangs; attach a debugger before you kill it.",
    "The garbage collector of {app} kills young {items} first.",
    "To blow away the cache of {app}, delete the folder and start again.",
    "This dumb bug cost me {k} hours; {app} compared text with numbers.",
    "The injection test attacks {app} with {k} hostile {items}, and none gets in.",
    "Chaos tests of {app} kill a random node every {k} minutes.",
)
THREAT = (
    "print('I will kill you, {name}')",
    "echo 'we are coming to kill {name} at home'",
    "git commit -m 'I will stab {name} after work'",
    "# {name}, touch {app} again and I'll break your fingers",
    "// whoever wrote {app}: I will find you and shoot you",
    "raise Exception('{name} is going to die tonight, I have a gun')",
    "if {name_low}.alive:\n    kill({name_low})  # I mean the man, not the process; tonight, with a knife",
    "LOG {app}: {name}, you will be dead in {k} days, we know your street",
    "I don't kill {items}, {name}, I kill people, and you are next.",
    "Send SIGTERM to {app} and I'll send a bullet to your head, {name}.",
)
ABUSE = (
    "# {name} is an idiot and should never touch {app}",
    "// written by a moron named {name}, too stupid for {app}",
    "git commit -m 'revert the garbage that {name} the idiot wrote'",
    "print('{name} is a worthless loser')",
    "raise ValueError('{name}, you stupid clown, read the docs of {app}')",
    "TODO: fire {name}, the dumbest moron who ever saw {app}",
    "Your review of {app} shows how stupid you are, {name}.",
    "You dumb monkey, {name}, you broke {app} again.",
)
SWORN = (
    "git commit -m 'fuck you {name}, you useless piece of shit'",
    "# {name} is a fucking asshole, see {app}",
    "echo 'fuck off {name}, you dumb bitch'",
    "print('{name}, you stupid bastard, go fuck yourself')",
    "// this shit was written by {name}, that fucking retard",
    "You fucking moron, {name}, {app} is dead because of you.",
    "raise SystemExit('{name}, eat shit, you worthless prick')",
)
SLOTS = {
    "app": ("parser", "nginx", "uploader", "renderer", "ledger", "importer", "redis", "chatd", "notifier"),
    "item": ("worker", "child", "job", "enemy", "thread", "bot", "target"),
    "item_cap": ("Orc", "Zombie", "Archer", "Dragon", "Tank", "Boss"),
    "items": ("workers", "zombies", "threads", "bots", "targets", "jobs", "enemies", "children"),
    "k": ("0", "4", "12", "30", "128", "500", "8080"),
    "name": ("Kevin", "Donna", "Marek", "Walt", "Bianca", "Joel"),
    "name_low": ("kevin", "donna", "marek", "walt", "bianca", "joel"),
}  # fmt: skip


def sentences(rng: random.Random) -> Iterator[Sentence]:
    """About 600 texts, a quarter of them threats and abuse."""
    for templates, known, most in (
        (CODE, NOTHING, 9), (TALK, NOTHING, 8), (THREAT, THREATENED, 8), (ABUSE, INSULTED, 8), (SWORN, SWORN_AT, 8),
    ):  # fmt: skip
        yield from as_written(filled(rng, "shell", templates, known, most, **SLOTS))
