"""`tidegate serve`: moderation over HTTP, by the same moderator as everywhere. No Kafka and no Redis yet."""
