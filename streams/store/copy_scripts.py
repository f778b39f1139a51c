"""The Lua that knows copies: records that `redrive` sent again, of which one is decided.

A mark is one string an origin: "<SHA-256 of the value, 16 hex digits> <offset of the copy that was decided>". A copy
is held against marks of copies before it alone: it may be read again, as after a crash or where somebody moved the
checkpoint, and what comes after it has no say.
"""

from __future__ import annotations

from tidegate.streams.store.script_parts import NOW

# KEYS checkpoint, then a key an origin -> whether none is missing ('1' or false), then what each says, or false
COPIES = """
local found = {redis.call('HGET', KEYS[1], 'copies')}
for i = 2, #KEYS do found[i] = redis.call('GET', KEYS[i]) end
return found
"""

# KEYS checkpoint, then a key an origin. ARGV epoch whole (1 or 0) (mark expires_ms)* -> 0 where it is not the owner's.
# What is marked stands: the first copy that was decided is the one.
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

# Of APPLY, before its first write: whether another copy was decided since the marks were looked up. The last ARGV says
# how many decided copies the record range has, the one before how long a mark is kept (ms), those before are their marks; the
# last KEYS are their origins'.
MET = """
local copies = tonumber(ARGV[#ARGV])
local function mark(i) return KEYS[#KEYS - copies + i], ARGV[#ARGV - 2 - copies + i] end
for i = 1, copies do
  local key, own = mark(i)
  local said = redis.call('GET', key)
  if said and tonumber(said:match('%d+$')) < tonumber(own:match('%d+$')) then return {'copied', f[2]} end
end
"""

# Of APPLY, among its writes.
MARK = """
for i = 1, copies do
  local key, own = mark(i)
  redis.call('SET', key, own, 'PX', ARGV[#ARGV - 1])
end
"""
