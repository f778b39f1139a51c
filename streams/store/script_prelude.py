"""Lua that several scripts begin with: the time, and the functions that read and write a user's strikes."""

from __future__ import annotations

NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""

# The strikes of a user: "<sum> <at_ms> <id of the last undo, if any>", in one string. The sums are those of
# `core/strikes.py`: the two agree to the last bit, since both take 2^x from the C library and 17 digits are stored.
# at_ms is an event's time. It is bounded to 8 days ahead of the clock: one further ahead would never decay.
# The key expires once the sum is negligible and no readable completion can add to it: those of a backlog may be as old
# as the key, and no topic retains a completion for 8 days.
STRIKES = """
local function not_ahead(at) return math.min(at, now + 8 * 86400000) end
local function read_strikes(key)
  local stored = redis.call('GET', key)
  if not stored then return nil end
  local sum, at, undo = string.match(stored, '^(%S+) (%d+) ?(.*)$')
  if not sum then return nil end
  return tonumber(sum), not_ahead(tonumber(at)), undo
end
local function decayed(sum, ms, half_life) return sum * 2 ^ (-ms / half_life) end
local function num(x) return string.format('%.17g', x) end
local function write_strikes(key, sum, at, undo, half_life, negligible)
  local keep, times = 8 * 86400000, sum / negligible
  if times > 1 then keep = keep + math.ceil(half_life * math.log(times) / math.log(2)) end
  local value = num(sum) .. ' ' .. string.format('%d', at)
  if undo ~= '' then value = value .. ' ' .. undo end
  redis.call('SET', key, value, 'PXAT', string.format('%d', now + keep))
end
local function queue(outbox, id, user, sum, at, terms, reason, author)
  redis.call('RPUSH', outbox, cjson.encode({id, user, num(sum), string.format('%d', at), terms[1], terms[2], terms[3],
                                            terms[4], terms[5], reason, author}))
end
"""
