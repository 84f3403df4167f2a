-- Part of claim, after alone.lua: whose turn it is. Providers that are open, the vendors that have lines there, and each vendor's lines,
-- in the order of their virtual times, read in pieces and only as far as they are needed.

-- Providers that may be sent to now. One that may not is not looked at again in this call, unless it has to wait so long that its
-- jobs leave the belt.
local open, too_long = {}, {}
if want > 0 then
  local names = redis.call('SMEMBERS', K.providers)
  table.sort(names)
  for _, name in ipairs(names) do
    local limit = limit_for('provider', name)
    local at = allowed_at(limit, now)
    local provider = { name = name, limit = limit, key = K.ready .. name, off = 0, more = true, horizon = -1, stale = {}, gone = {} }
    if at - now > LONG_WAIT_US then
      provider.at = at
      too_long[#too_long + 1] = provider
    elseif at > now then
      retry_at = math.min(retry_at, at)
    else
      open[#open + 1] = provider
    end
  end
end

-- Virtual times as they are; lanes, and vendors under "v <vendor>" and "V <vendor>".
local times, times_changed = {}, {}
local function fetch_times(names)
  if #names == 0 then return end
  local found = redis.call('HMGET', K.vt, unpack(names))
  for i = 1, #names do times[names[i]] = tonumber(found[i] or '0') end
end
local function set_time(name, time)
  times[name] = time
  times_changed[name] = true
end

-- Vendors that have lines at an open provider, by their virtual time. `at` says at which providers, by index in `open`.
local vendors, first_vendor, vendor_of = {}, 1, {}
local function put_vendor(vendor)
  local i = #vendors + 1
  while i > first_vendor and (vendors[i - 1].time > vendor.time
    or (vendors[i - 1].time == vendor.time and vendors[i - 1].name > vendor.name)) do
    vendors[i] = vendors[i - 1]
    i = i - 1
  end
  vendors[i] = vendor
end
local function read_vendors(provider, index)
  local chunk = math.min(want, 16)
  local found = redis.call('ZRANGE', provider.key, provider.off, provider.off + chunk - 1, 'WITHSCORES')
  provider.off = provider.off + chunk
  provider.more = #found == 2 * chunk
  local names, unknown = {}, {}
  for i = 1, #found, 2 do
    local name = found[i]
    provider.horizon = tonumber(found[i + 1])
    local known = vendor_of[name]
    if known then
      known.at[index] = true
      if known.dropped then
        known.dropped = false
        put_vendor(known)
      end
    else
      unknown[#unknown + 1] = name
      names[#names + 1] = 'v ' .. name
      names[#names + 1] = 'V ' .. name
    end
  end
  fetch_times(names)
  for _, name in ipairs(unknown) do
    local weight = redis.call('HGET', K.limits, 'weight ' .. name)
    local v = 'v ' .. name
    local vendor = { name = name, v = v, V = 'V ' .. name, time = times[v], at = { [index] = true }, queues = {}, limit = limit_for('vendor', name),
      stride = math.max(1, math.floor(1000000 / tonumber(weight or '1'))) }
    vendor_of[name] = vendor
    put_vendor(vendor)
  end
end
-- The vendor whose turn it is. Those that were not read yet come later than the horizon of their provider.
local function next_vendor()
  while true do
    local vendor = vendors[first_vendor]
    local short = nil
    for index, provider in ipairs(open) do
      if provider.more and not provider.closed and (not vendor or vendor.time > provider.horizon) then short = index end
    end
    if not short then return vendor end
    read_vendors(open[short], short)
  end
end

-- What is known of lines: lane, limits, stride, volume.
local lines, lane_known = {}, {}
local function read_lines(names)
  local new, asked, lanes_new = {}, {}, {}
  for i = 1, #names do
    local line = names[i]
    if not lines[line] then
      local blank = string.find(line, ' ', 1, true)
      local lane = blank and string.sub(line, 1, blank - 1) or line
      local known = { lane = lane, sender = blank and limit_for('sender', string.sub(line, blank + 1)) or NONE }
      lines[line] = known
      new[#new + 1] = known
      if not lane_known[lane] then
        lane_known[lane] = true
        lanes_new[#lanes_new + 1] = lane
      end
    end
  end
  if #new == 0 then return end
  if #lanes_new > 0 then
    fetch_times(lanes_new)
    local settings = redis.call('HMGET', K.lanes, unpack(lanes_new))
    for i = 1, #lanes_new do
      local class = class_of(settings[i])
      local lane = lanes_new[i]
      lane_known[lane] = { class = class, limit = partner_limit(lane, class) }
    end
  end
  for i = 1, #new do
    local known = new[i]
    local lane = lane_known[known.lane]
    known.class, known.partner = lane.class, lane.limit
    if known.partner.interval > 0 then asked[#asked + 1] = known.partner.bucket end
    if known.sender.interval > 0 then asked[#asked + 1] = known.sender.bucket end
  end
  fetch_buckets(asked)
end

-- The lines of one vendor at one provider, in the order of their lanes' virtual times: `found` is a piece of the ready set as it
-- was read, `names` and `scores` (from `first` on, in order) are lines whose score there is too low by now.
local function queue_of(vendor, index)
  local provider = open[index]
  return { provider = provider, vendor = vendor, key = provider.key .. ' ' .. vendor.name, off = 0, more = true, found = {}, at = 1,
    names = {}, scores = {}, first = 1, last = 0, dirty = {}, gone = {}, away = 0, sends = {}, each = 1 }
end
local queues = {}
local function put_line(queue, line, score)
  local names, scores = queue.names, queue.scores
  local i = queue.last + 1
  queue.last = i
  while i > queue.first and scores[i - 1] > score do
    names[i], scores[i] = names[i - 1], scores[i - 1]
    i = i - 1
  end
  names[i], scores[i] = line, score
  queue.dirty[line] = score
end
local function read_queue(queue)
  local chunk = math.min(want - got + 1, queue.off == 0 and math.ceil((want - got) / #open) + 1 or 64)
  local found = redis.call('ZRANGE', queue.key, queue.off, queue.off + chunk - 1, 'WITHSCORES')
  queue.off = queue.off + chunk
  queue.more = #found == 2 * chunk
  queue.found, queue.at = found, 1
  local names, n = {}, 0
  for i = 1, #found, 2 do
    n = n + 1
    names[n] = found[i]
  end
  read_lines(names)
  -- Few lines give many jobs each: those are taken off their lists in one go, and what is too much is put back.
  if not queue.more and queue.off == chunk and n > 0 then queue.each = math.max(1, math.floor((want - got) / (n * #open))) end
end
-- Sets the queue's head to the line whose lane has the lowest virtual time; nil if there is none.
local function find_head(queue)
  while true do
    if queue.at > #queue.found and queue.more then read_queue(queue) end
    local from_read = queue.at <= #queue.found
    local line, score
    if from_read then line, score = queue.found[queue.at], tonumber(queue.found[queue.at + 1]) end
    if queue.first <= queue.last and (not from_read or queue.scores[queue.first] < score) then
      line, score, from_read = queue.names[queue.first], queue.scores[queue.first], false
    end
    if not line then
      queue.head = nil
      return
    end
    local time = times[lines[line].lane]
    if time <= score then
      queue.head, queue.head_time, queue.head_read = line, time, from_read
      return
    end
    if from_read then queue.at = queue.at + 2 else queue.first = queue.first + 1 end
    put_line(queue, line, time)
  end
end
local function past_head(queue)
  if queue.head_read then queue.at = queue.at + 2 else queue.first = queue.first + 1 end
  queue.fresh = false
end

-- What waits for limits from now on, and where those that wait for the same limit stand in line: each looks again when its own turn
-- comes, not all at once.
local later, slots, slots_changed = {}, {}, {}
local SLOTS_WITHIN_US = 5000000
local function turn_at(limit, at)
  if not limit.bucket then return at end
  local name = 'w ' .. limit.bucket
  local slot = slots[name] or tonumber(redis.call('HGET', K.buckets, name) or '0')
  slot = math.min(math.max(at, slot + limit.interval), at + SLOTS_WITHIN_US)
  slots[name] = slot
  slots_changed[name] = true
  return slot
end
local function take_off(queue, at)
  local line = queue.head
  past_head(queue)
  queue.dirty[line] = nil
  queue.gone[#queue.gone + 1] = line
  if at then
    later[#later + 1] = at
    later[#later + 1] = queue.provider.name .. ' ' .. queue.vendor.name .. ' ' .. line
  end
end
-- Nothing of this line can go within the long wait: back to the book, `step` apart. True if there is more.
local function send_back(queue, at, step)
  local list, n = K.lane .. queue.provider.name .. ' ' .. queue.head, 0
  local left = queue.sends[queue.head]
  while ended < LIMIT_ENDED do
    local send
    if left and left[left.at] then
      send = left[left.at]
      left.at = left.at + 1
    else
      send = redis.call('LPOP', list)
    end
    if not send then return false end
    local packed = redis.call('HGET', K.jobs, send)
    if packed then finish(send, parse(packed), not_now(at - now + n * step, 'limit')) end
    n = n + 1
  end
  return (left and left[left.at]) or redis.call('EXISTS', list) == 1
end

-- The next send of the queue's head; nil if it has none.
local function next_send(queue)
  local line = queue.head
  local sends = queue.sends[line]
  if sends then
    local send = sends[sends.at]
    if send then
      sends.at = sends.at + 1
      return send
    end
    if #sends < queue.each then return nil end
  end
  local list = K.lane .. queue.provider.name .. ' ' .. line
  if queue.each == 1 then return redis.call('LPOP', list) or nil end
  sends = redis.call('LPOP', list, queue.each)
  if not sends then return nil end
  sends.at = 2
  queue.sends[line] = sends
  return sends[1]
end
