"""Lua that several of `scripts.py` begin with: what time it is, and how a user stands."""

from __future__ import annotations

NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""

# How a user stands: "<sum> <at_ms> <id of the last undo, if any>", in one string a user. It is `core/strikes.py` once
# more: the two agree to the last bit, since both take 2^x from the C library, and 17 digits are kept.
# Its time is an event's, which no clock of ours is 8 days behind: one that says so would decay nothing for ever.
# It expires once what is left is negligible and no completion can be read any more that would add to it: those of a
# backlog are as old as it is, and none is kept on its topic for 8 days.
STANDING = """
local function not_ahead(at) return math.min(at, now + 8 * 86400000) end
local function standing(key)
  local said = redis.call('GET', key)
  if not said then return nil end
  local sum, at, undo = string.match(said, '^(%S+) (%d+) ?(.*)$')
  if not sum then return nil end
  return tonumber(sum), not_ahead(tonumber(at)), undo
end
local function left(sum, ms, half_life) return sum * 2 ^ (-ms / half_life) end
local function num(x) return string.format('%.17g', x) end
local function stand(key, sum, at, undo, half_life, negligible)
  local keep, times = 8 * 86400000, sum / negligible
  if times > 1 then keep = keep + math.ceil(half_life * math.log(times) / math.log(2)) end
  local said = num(sum) .. ' ' .. string.format('%d', at)
  if undo ~= '' then said = said .. ' ' .. undo end
  redis.call('SET', key, said, 'PXAT', string.format('%d', now + keep))
end
local function queue(outbox, id, user, sum, at, terms, reason, author)
  redis.call('RPUSH', outbox, cjson.encode({id, user, num(sum), string.format('%d', at), terms[1], terms[2], terms[3],
                                            terms[4], terms[5], reason, author}))
end
"""
