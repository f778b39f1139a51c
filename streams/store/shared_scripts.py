"""The Lua for what all partitions share: the ruler's lease, alert states, scope names, policies, worker statuses.

As in `scripts.py`, each script is one atomic step, and checks everything before its first write.
"""

from __future__ import annotations

from tidegate.streams.store.script_prelude import NOW

# KEYS lease. ARGV worker, ttl_ms. -> epoch, now_ms; false while another worker holds it
LEASE = (
    NOW
    + """
local f = redis.call('HMGET', KEYS[1], 'worker', 'epoch', 'until_ms')
local epoch = tonumber(f[2] or 0)
if f[1] ~= ARGV[1] then
  if f[1] and tonumber(f[3]) > now then return false end
  epoch = math.max(epoch + 1, now)
end
redis.call('HSET', KEYS[1], 'worker', ARGV[1], 'epoch', string.format('%d', epoch),
           'until_ms', string.format('%d', now + ARGV[2]))
return {string.format('%d', epoch), string.format('%d', now)}
"""
)

# KEYS lease. ARGV worker. -> 0 if another worker holds it
RELEASE_LEASE = """
if redis.call('HGET', KEYS[1], 'worker') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'until_ms', 0)
return 1
"""

# KEYS lease, alerts. ARGV epoch, (fingerprint, state or '' to remove it)*. -> 0 if the lease has another epoch
SAVE_ALERTS = """
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 0 end
for i = 2, #ARGV, 2 do
  if ARGV[i + 1] == '' then
    redis.call('HDEL', KEYS[2], ARGV[i])
  else
    redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1])
  end
end
return 1
"""

# KEYS scope names. ARGV limit, name*. -> 1 (admitted) or 0 for each name
ADMIT = (
    NOW
    + """
local admitted, live = {}, redis.call('HLEN', KEYS[1])
for i = 2, #ARGV do
  if redis.call('HEXISTS', KEYS[1], ARGV[i]) == 1 then
    admitted[i - 1] = 1
  elseif live < tonumber(ARGV[1]) then
    redis.call('HSET', KEYS[1], ARGV[i], now)
    live = live + 1
    admitted[i - 1] = 1
  else
    admitted[i - 1] = 0
  end
end
return admitted
"""
)

# KEYS scope names. ARGV quiet_ms, live name*. -> how many names are left
RETAIN = (
    NOW
    + """
for i = 2, #ARGV do redis.call('HSET', KEYS[1], ARGV[i], now) end
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  if now - tonumber(all[i + 1]) > tonumber(ARGV[1]) then redis.call('HDEL', KEYS[1], all[i]) end
end
return redis.call('HLEN', KEYS[1])
"""
)

# KEYS policies. ARGV next, snapshot. -> 0 if the stored snapshot is newer
SAVE_POLICIES = """
if tonumber(redis.call('HGET', KEYS[1], 'next') or 0) > tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'next', ARGV[1], 'state', ARGV[2])
return 1
"""

# KEYS workers. ARGV worker, status, keep_ms. Removes the statuses that are older than keep_ms
PUT_STATUS = (
    NOW
    + """
redis.call('HSET', KEYS[1], ARGV[1], string.format('%d', now) .. '|' .. ARGV[2])
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  if now - tonumber(all[i + 1]:match('^%d+')) > tonumber(ARGV[3]) then redis.call('HDEL', KEYS[1], all[i]) end
end
return 1
"""
)
