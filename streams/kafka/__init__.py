"""Everything that uses aiokafka outside the consumer group: clients, readers, producer, topics, errors."""
