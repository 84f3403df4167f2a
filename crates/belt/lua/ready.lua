-- Where jobs wait. A line is what one lane has for one sender: "<lane>" or "<lane> <sender>". For each provider there is
--   K.lane <provider> <line>       the jobs themselves, a list
--   K.ready <provider> <vendor>    lines that have jobs, by the virtual time of their lane
--   K.ready <provider>             vendors that have lines there, by the virtual time of the vendor
-- A provider that may not be sent to now is not looked at, and that is all it costs.
--
-- Virtual times are shared by all providers and lie in K.vt: "<lane>", "v <vendor>", and how far the lanes of a vendor are
-- ("V <vendor>") and the vendors ("V"). A score in a ready set is what the time was when it was written; it may be too low,
-- and is mended when it comes up (see claim/turn.lua).
--
-- K.waiting holds what a limit keeps from going, by when to look again: "<provider> <vendor> <line>", and "@ <vendor>".

-- Makes lines ready that have jobs; those that wait for a limit go on waiting. `places`: provider, vendor, line, lane, …
local function make_ready_all(places)
  if #places == 0 then return end
  local asked, names = {}, {}
  for i = 1, #places, 4 do
    local vendor = places[i + 1]
    asked[#asked + 1] = places[i] .. ' ' .. vendor .. ' ' .. places[i + 2]
    asked[#asked + 1] = '@ ' .. vendor
    names[#names + 1] = places[i + 3]
    names[#names + 1] = 'v ' .. vendor
  end
  local waits = redis.call('ZMSCORE', K.waiting, unpack(asked))
  local times = redis.call('HMGET', K.vt, unpack(names))
  local sets, order = {}, {}
  local function add(key, score, member)
    local set = sets[key]
    if not set then
      set = {}
      sets[key] = set
      order[#order + 1] = key
    end
    set[#set + 1] = score
    set[#set + 1] = member
  end
  local providers, seen = {}, {}
  for i = 1, #places, 4 do
    local provider, vendor, at = places[i], places[i + 1], (i - 1) / 2 + 1
    if not waits[at] then
      add(K.ready .. provider .. ' ' .. vendor, times[at] or '0', places[i + 2])
      local there = provider .. ' ' .. vendor
      if not waits[at + 1] and not seen[there] then add(K.ready .. provider, times[at + 1] or '0', vendor) end
      if not seen[provider] then providers[#providers + 1] = provider end
      seen[there], seen[provider] = true, true
    end
  end
  for _, key in ipairs(order) do redis.call('ZADD', key, 'NX', unpack(sets[key])) end
  if #providers > 0 then redis.call('SADD', K.providers, unpack(providers)) end
end
local function make_ready(provider, vendor, line, lane) make_ready_all({ provider, vendor, line, lane }) end

-- Makes ready what has waited long enough for its limit, a bounded number in one call.
local function wake_waiting(now)
  local due = redis.call('ZRANGEBYSCORE', K.waiting, '-inf', now, 'LIMIT', 0, 200)
  if #due == 0 then return end
  redis.call('ZREM', K.waiting, unpack(due))
  local places, all = {}, nil
  for _, member in ipairs(due) do
    local provider, vendor, line = string.match(member, '^(%S+) (%S+) ?(.*)$')
    if provider == '@' then
      all = all or redis.call('SMEMBERS', K.providers)
      local score = redis.call('HGET', K.vt, 'v ' .. vendor) or '0'
      for _, each in ipairs(all) do
        if redis.call('EXISTS', K.ready .. each .. ' ' .. vendor) == 1 then
          redis.call('ZADD', K.ready .. each, 'NX', score, vendor)
        end
      end
    else
      local n = #places
      places[n + 1], places[n + 2], places[n + 3], places[n + 4] = provider, vendor, line, string.match(line, '^%S+')
    end
  end
  make_ready_all(places)
end
