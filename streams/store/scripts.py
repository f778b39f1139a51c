"""The Lua that runs inside Redis. Each script is one atomic step, and checks everything before its first write.

Lua does not roll back: a script that fails half way leaves half its writes. So every refusal comes first, and what
follows are plain writes to keys that only these scripts write.

The checkpoint of a partition is one hash. Its fields:
- next, cluster, generation: what was counted; marker_offset, marker_ms, marker_sha: the last record applied
- epoch, owner, seen_ms: the owner and its last write; watermark_ms, lag: its progress
- unclean, unclean_at, in_hand: owners that died at one `next`, and the record that the last one had in hand
- unreadable_at, unreadable_tries, unreadable_since_ms: the batch it is stopped at, which cannot be decoded
- copies: '1' if the marks of decided copies are complete
"""

from __future__ import annotations

from tidegate.streams.store.copy_scripts import CHECK_COPIES, WRITE_COPIES
from tidegate.streams.store.script_prelude import NOW, STRIKES

# KEYS any key of the node. -> the node's time, ms
CLOCK = NOW + "return string.format('%d', now)"

# KEYS checkpoint. ARGV worker.
# -> epoch, next, cluster, generation, marker_offset, marker_ms, marker_sha, unclean, in_hand
# The epoch (a fencing token) is the greater of last + 1 and the clock, so that it grows even if Redis came back older.
CLAIM = (
    NOW
    + """
local f = redis.call('HMGET', KEYS[1], 'epoch', 'next', 'cluster', 'generation', 'marker_offset', 'marker_ms',
                     'marker_sha', 'owner', 'unclean', 'unclean_at', 'in_hand')
local epoch = math.max(tonumber(f[1] or 0) + 1, now)
local unclean, here = 0, f[10] == (f[2] or '')
if f[8] == ARGV[1] then
  if here then unclean = tonumber(f[9] or 0) end
elseif f[8] then
  unclean = here and tonumber(f[9] or 0) + 1 or 1
end
redis.call('HSET', KEYS[1], 'epoch', string.format('%d', epoch), 'owner', ARGV[1], 'seen_ms', now, 'lag', -1,
           'unclean', unclean, 'unclean_at', f[2] or '')
return {string.format('%d', epoch), f[2], f[3], f[4], f[5], f[6], f[7], unclean, f[11]}
"""
)

# KEYS checkpoint. ARGV epoch. -> 0 if it is not the owner's
RELEASE = """
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 0 end
redis.call('HDEL', KEYS[1], 'owner', 'in_hand')
redis.call('HSET', KEYS[1], 'unclean', 0)
return 1
"""

# KEYS checkpoint. ARGV epoch, lag, watermark_ms, counted. -> 0 if the epoch is not the owner's, or `next` < counted
HEARTBEAT = (
    NOW
    + """
local f = redis.call('HMGET', KEYS[1], 'epoch', 'next', 'watermark_ms')
if f[1] ~= ARGV[1] or tonumber(f[2] or 0) < tonumber(ARGV[4]) then return 0 end
local watermark = math.max(tonumber(f[3] or 0), tonumber(ARGV[3]))
redis.call('HSET', KEYS[1], 'seen_ms', now, 'lag', ARGV[2], 'watermark_ms', string.format('%d', watermark))
return 1
"""
)

# KEYS checkpoint. ARGV epoch, offset ('' for none). -> 0 if the epoch is not the owner's
IN_HAND = """
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 0 end
if ARGV[2] == '' then redis.call('HDEL', KEYS[1], 'in_hand') else redis.call('HSET', KEYS[1], 'in_hand', ARGV[2]) end
return 1
"""

# KEYS checkpoint. ARGV epoch, offset. -> tries, since_ms, now_ms; false if the epoch is not the owner's
UNREADABLE = (
    NOW
    + """
local f = redis.call('HMGET', KEYS[1], 'epoch', 'unreadable_at', 'unreadable_tries', 'unreadable_since_ms')
if f[1] ~= ARGV[1] then return false end
local tries, since = 1, string.format('%d', now)
if f[2] == ARGV[2] then tries, since = tonumber(f[3]) + 1, f[4] end
redis.call('HSET', KEYS[1], 'unreadable_at', ARGV[2], 'unreadable_tries', tries, 'unreadable_since_ms', since)
return {tries, since, string.format('%d', now)}
"""
)

# KEYS checkpoint. ARGV epoch, next, cluster, generation, marker_offset, marker_ms, marker_sha ('' each for no marker).
# -> 0 if the epoch is not the owner's
RESET = """
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'next', ARGV[2], 'cluster', ARGV[3], 'generation', ARGV[4])
redis.call('HDEL', KEYS[1], 'in_hand', 'marker_offset', 'marker_ms', 'marker_sha',
           'unreadable_at', 'unreadable_tries', 'unreadable_since_ms')
if ARGV[5] ~= '' then
  redis.call('HSET', KEYS[1], 'marker_offset', ARGV[5], 'marker_ms', ARGV[6], 'marker_sha', ARGV[7])
end
return 1
"""

# KEYS checkpoint, totals, touch; a key for each bucket; a key for each user sketch; outbox and a key for each user with
#      strikes; a key for each copied origin (copy_scripts.py)
# ARGV epoch, start, end, marker_offset, marker_ms, marker_sha ('' each: the marker stays), watermark_ms, lag, keep_ms,
#      n totals, (counter, n)*, n buckets, (bucket_start, n_series, (series, n)*)*, n sketches,
#      (bucket_start, n, user*)*, n users, and if there are any: user*, half_life_ms, throttle, suspend, negligible,
#      version (the terms), lowest, n strikes, (index of the user, id, at_ms, weight, reason)*; the arguments of
#      copy_scripts.py
# -> what `apply` did (`Applied`), next
APPLY = (
    NOW
    + STRIKES
    + """
local f = redis.call('HMGET', KEYS[1], 'epoch', 'next', 'watermark_ms', 'in_hand', 'unreadable_at')
local from, to = tonumber(ARGV[2]), tonumber(ARGV[3])
if not f[2] then return {'gap', '-1'} end
if not f[1] or tonumber(f[1]) < tonumber(ARGV[1]) then return {'gap', f[2]} end
if f[1] ~= ARGV[1] then return {'not_owner', f[2]} end
local next = tonumber(f[2])
if to <= next then return {'already', f[2]} end
if from < next then return {'overlap', f[2]} end
if from > next then return {'gap', f[2]} end
"""
    + CHECK_COPIES
    + """
local keep, arg, key = tonumber(ARGV[9]), 10, 4
if ARGV[4] ~= '' then
  redis.call('HSET', KEYS[1], 'marker_offset', ARGV[4], 'marker_ms', ARGV[5], 'marker_sha', ARGV[6])
end
redis.call('HSET', KEYS[1], 'next', ARGV[3],
           'watermark_ms', string.format('%d', math.max(tonumber(f[3] or 0), tonumber(ARGV[7]))),
           'lag', ARGV[8], 'seen_ms', now)
if f[4] and tonumber(f[4]) < to then redis.call('HDEL', KEYS[1], 'in_hand') end
if f[5] and tonumber(f[5]) < to then
  redis.call('HDEL', KEYS[1], 'unreadable_at', 'unreadable_tries', 'unreadable_since_ms')
end
"""
    + WRITE_COPIES
    + """
-- A bucket of a backlog is as old as its events, and is kept as long as a new one: the ruler has yet to read it.
-- Its expiry never depends on an event's time. No window reads a bucket that would expire before it begins.
local expires = string.format('%d', now + keep)
local function wanted(start)  -- 8 d: longer than any topic retains a completion
  return tonumber(start) > now - 8 * 86400000 and tonumber(start) < now + keep
end
local function count() arg = arg + 1; return tonumber(ARGV[arg - 1]) end
local function add(hash, n)
  for _ = 1, n do
    redis.call('HINCRBY', hash, ARGV[arg], ARGV[arg + 1])
    arg = arg + 2
  end
end
add(KEYS[2], count())
for _ = 1, count() do
  local start = ARGV[arg]; arg = arg + 1
  local n = count()
  if wanted(start) then
    add(KEYS[key], n)
    redis.call('PEXPIREAT', KEYS[key], expires)
    if redis.call('HSET', KEYS[3], start, ARGV[1] .. ':' .. ARGV[3]) == 1 then
      local first = KEYS[key]:sub(1, -1 - #start)
      for _, old in ipairs(redis.call('HKEYS', KEYS[3])) do
        if redis.call('EXISTS', first .. old) == 0 then redis.call('HDEL', KEYS[3], old) end
      end
    end
  else
    arg = arg + 2 * n
  end
  key = key + 1
end
for _ = 1, count() do
  local start = ARGV[arg]; arg = arg + 1
  local n = count()
  if wanted(start) then
    for first = arg, arg + n - 1, 1000 do  -- Lua passes at most some 8,000 arguments, and fails half way otherwise
      redis.call('PFADD', KEYS[key], unpack(ARGV, first, math.min(first + 999, arg + n - 1)))
    end
    redis.call('PEXPIREAT', KEYS[key], expires)
  end
  arg = arg + n
  key = key + 1
end

local users = count()
if users == 0 then return {'applied', ARGV[3]} end
local first, terms = arg, {unpack(ARGV, arg + users, arg + users + 4)}
local half_life, negligible, lowest = tonumber(terms[1]), tonumber(terms[4]), tonumber(ARGV[arg + users + 5])
arg = arg + users + 6
for _ = 1, count() do
  local i, own, weight = tonumber(ARGV[arg]), not_ahead(tonumber(ARGV[arg + 2])), tonumber(ARGV[arg + 3])
  local sum, latest, undo = read_strikes(KEYS[key + 1 + i])
  local at = math.max(own, latest or own)
  if sum then
    sum = decayed(sum, at - latest, half_life) + decayed(weight, at - own, half_life)
  else
    sum = weight
  end
  write_strikes(KEYS[key + 1 + i], sum, at, undo or '', half_life, negligible)
  if lowest and sum >= lowest then
    queue(KEYS[key], ARGV[arg + 1], ARGV[first + i], sum, at, terms, ARGV[arg + 4], '')
  end
  arg = arg + 5
end
return {'applied', ARGV[3]}
"""
)

# KEYS outbox, strikes of the user. ARGV id, user, weight ('' for all), half_life_ms, throttle, suspend, negligible,
# version, reason, author. -> strikes before and after; false if there are none. The same id again changes nothing.
UNDO = (
    NOW
    + STRIKES
    + """
local sum, latest, undo = read_strikes(KEYS[2])
if not sum then return false end
local half_life, at = tonumber(ARGV[4]), math.max(now, latest)
local before = decayed(sum, at - latest, half_life)
if undo == ARGV[1] then return {num(before), num(before)} end
if sum == 0 then return false end
local after = ARGV[3] == '' and 0 or math.max(0, before - tonumber(ARGV[3]))
write_strikes(KEYS[2], after, at, ARGV[1], half_life, tonumber(ARGV[7]))
queue(KEYS[1], ARGV[1], ARGV[2], after, at, {unpack(ARGV, 4, 8)}, ARGV[9], ARGV[10])
return {num(before), num(after)}
"""
)
