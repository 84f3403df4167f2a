-- Puts jobs at the end of their lines; a send that is already on the belt is absorbed.
--
-- ARGV: 1 lease number  2 the round in which the sends were chosen  3 number of places, then for each: provider, vendor, line, lane,
--   what the lane is set to: "weight\ninterval_us\nburst\nlimit\ntier";
--   then for each job: send, index of its place, packed job. At most 500 jobs.
-- Returns: 1 how many were pushed  2 how many were absorbed; OVERTAKEN if sends were put back since that round

local stage = phase()
if not stage or stage == 'opening' then return CLOSED end
local refused = fenced(ARGV[1])
if refused then return refused end
if ARGV[2] ~= round() then return redis.error_reply('OVERTAKEN ' .. round()) end
local count = tonumber(ARGV[3])
local lanes, lists, touched = {}, {}, {}
for n = 1, count do
  local at = n * 5 - 1
  lanes[n] = ARGV[at + 3]
  lists[n] = K.lane .. ARGV[at] .. ' ' .. ARGV[at + 2]
end
local settings, other = {}, nil
if count > 0 then settings = redis.call('HMGET', K.lanes, unpack(lanes)) end
for n = 1, count do
  local at = n * 5 - 1
  if settings[n] ~= ARGV[at + 4] then
    redis.call('HSET', K.lanes, lanes[n], ARGV[at + 4])
    -- A lane that waits for its old limit is looked at again.
    other = other or redis.call('SMEMBERS', K.providers)
    for _, provider in ipairs(other) do
      redis.call('ZADD', K.waiting, 'XX', 0, provider .. ' ' .. ARGV[at + 1] .. ' ' .. ARGV[at + 2])
    end
  end
end
local pushed, absorbed = 0, 0
for i = 4 + count * 5, #ARGV, 3 do
  local place = tonumber(ARGV[i + 1])
  if redis.call('HSETNX', K.jobs, ARGV[i], ARGV[i + 2]) == 1 then
    redis.call('RPUSH', lists[place], ARGV[i])
    touched[place] = true
    pushed = pushed + 1
  else
    absorbed = absorbed + 1
  end
end
local places = {}
for n = 1, count do
  if touched[n] then
    for i = 0, 3 do places[#places + 1] = ARGV[n * 5 - 1 + i] end
  end
end
make_ready_all(places)
if pushed > 0 then wake(pushed) end
return { pushed, absorbed }
