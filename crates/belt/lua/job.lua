-- A job and a hand as they lie in Redis. Part of the head of every script, as are limits.lua, ready.lua and prelude.lua, in this order.
--
-- Numbers are whole microseconds of 16 digits. As arguments of redis.call they keep 17; in texts they go through text(), because
-- tostring() keeps 14 only.

local function text(n) return string.format('%.0f', n) end

-- A packed job: not_after (campaign ms or empty), provider, sender, lane, vendor, activation, version, three hashes (the last
-- perhaps with a topic's behind a blank), on_unknown (r or h), first_fed_at, the activation's revision, payload; a line each, the
-- payload is the rest. What every claim looks at stands first.
local PACKED = '^([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n[^\n]*\n([^\n]*)\n'
local function parse(packed)
  local not_after, provider, sender, lane, vendor, activation, version, h1, h2, h3, unknown, revision = string.match(packed, PACKED)
  return { lane = lane, vendor = vendor, activation = activation, version = version, provider = provider, sender = sender,
    h1 = h1, h2 = h2, h3 = h3, unknown = unknown, not_after = not_after, revision = revision }
end
-- Where a job waits: the provider it goes to, the vendor, and its line, which is the lane and behind a blank the sender, if it has one.
local WHERE = '^[^\n]*\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n'
local function place_of(packed)
  local provider, sender, lane, vendor = string.match(packed, WHERE)
  return provider, vendor, sender == '' and lane or lane .. ' ' .. sender, lane, sender
end

-- A hand: claim, marked (0 or 1), permit taken at (us), not_after (campaign ms or -), the month whose volume it counts in (or -),
-- worker, relay.
-- What this call has ended is in no hand, whether that is written already or not (see prelude.lua).
local over, over_sends = {}, {}
local function hand_of(send)
  if over[send] then return nil end
  local h = redis.call('HGET', K.hand, send)
  if not h then return nil end
  local claim, marked, permit, not_after, month, worker, relay =
    string.match(h, '^(%S+) (%d) (%d+) (%S+) (%S+) (%S+) (.*)$')
  return { claim = claim, marked = marked, permit = tonumber(permit), not_after = not_after, month = month,
    worker = worker, relay = relay }
end
local function hand_text(claim, marked, permit, not_after, month, worker, relay)
  return claim .. ' ' .. marked .. ' ' .. text(permit) .. ' ' .. not_after .. ' ' .. month .. ' ' .. worker .. ' ' .. relay
end

