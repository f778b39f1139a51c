"""What an event costs: the classifier alone, a bare loop, Tidegate's worker, its latency and its ruler.

`python -m bench` on an embedded stack of its own; rows go to `bench/results.csv`. CPU is the process's own (user and
system), so that what else runs on the machine moves it little; the ratio of two interleaved runs moves least.
"""
