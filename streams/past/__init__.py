"""What Kafka still keeps, read again: for a part that Redis lost, for the tick's alerts, for a replay.

Of these files history.py alone knows aiokafka; it reads outside any consumer group, and nothing is written to Kafka.
"""
