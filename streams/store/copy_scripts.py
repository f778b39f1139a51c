"""The Lua for copies: records that `redrive` sent again, of which exactly one is decided.

A mark is one string for each origin: "<SHA-256 of the value, 16 hex digits> <offset of the decided copy>". A copy is
compared only with marks of earlier copies: it may be read again, after a crash or after the checkpoint was moved, and a
later copy must not refuse it.
"""

from __future__ import annotations

from tidegate.streams.store.script_prelude import NOW

# KEYS checkpoint, then a key for each origin. -> '1' if no mark is missing, else false; then each mark, or false
READ_COPIES = """
local reply = {redis.call('HGET', KEYS[1], 'copies')}
for i = 2, #KEYS do reply[i] = redis.call('GET', KEYS[i]) end
return reply
"""

# KEYS checkpoint, then a key for each origin. ARGV epoch, complete (1 or 0), (mark, expires_ms)*. -> 0 if the epoch is
# not the owner's. An origin that is marked stays as it is: the first copy that was decided counts.
MARK_COPIES = (
    NOW
    + """
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 0 end
for i = 2, #KEYS do
  local mark, expires = ARGV[2 * i - 1], ARGV[2 * i]
  if tonumber(expires) > now then redis.call('SET', KEYS[i], mark, 'NX', 'PXAT', expires) end
end
if ARGV[2] == '1' then redis.call('HSET', KEYS[1], 'copies', '1') end
return 1
"""
)

# Part of APPLY, before its first write: refuses if an earlier copy was decided since the marks were read. The last ARGV
# is the number of decided copies in the record range, the one before it how long a mark is kept (ms), and those before
# that are their marks. The last KEYS are their origins.
CHECK_COPIES = """
local copies = tonumber(ARGV[#ARGV])
local function mark(i) return KEYS[#KEYS - copies + i], ARGV[#ARGV - 2 - copies + i] end
for i = 1, copies do
  local key, own = mark(i)
  local stored = redis.call('GET', key)
  if stored and tonumber(stored:match('%d+$')) < tonumber(own:match('%d+$')) then return {'copied', f[2]} end
end
"""

# Part of APPLY, among its writes.
WRITE_COPIES = """
for i = 1, copies do
  local key, own = mark(i)
  redis.call('SET', key, own, 'PX', ARGV[#ARGV - 1])
end
"""
