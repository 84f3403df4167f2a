-- A worker joins this epoch: it names what it has on the wire and re-sends outcomes the book may not have.
--
-- ARGV: 1 worker  2 whether this is the last part (1 or 0)  3 number of jobs on the wire,
--   then for each: send, claim, relay, packed job; then for each outcome: send, claim, kind, record
-- Returns: 1 the recorder's committed position, then a stream id for each outcome.
-- What is named stays in this worker's hands under the number it had: it is taken off a lane, and
-- out of the hands of another that has not marked.

local worker, last, wire = ARGV[1], ARGV[2], tonumber(ARGV[3])
local stage = phase()
if not stage or stage == 'opening' then return CLOSED end
local now = now_us()
local answer = { redis.call('GET', K.committed) or '0-0' }
redis.call('ZADD', K.workers, text(now), worker)
-- It counts its claim calls anew.
redis.call('HDEL', K.calls, worker)
local i = 4
for _ = 1, wire do
  local send, claim, relay, packed = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  i = i + 4
  local h = hand_of(send)
  if not (h and h.marked == '1' and h.claim ~= claim) then
    if h then
      out_of_hand(send, h.worker)
    else
      local known = redis.call('HGET', K.jobs, send)
      if known then off_the_lane(send, known) end
    end
    redis.call('HSET', K.jobs, send, packed)
    redis.call('HSET', K.hand, send, hand_text(claim, '1', now, not_after_of(packed), count_again(packed, now), worker, relay))
    redis.call('SADD', K.held .. worker, send)
  end
end
while i <= #ARGV do
  answer[#answer + 1] = complete(ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3])
  i = i + 4
end
save_buckets()
if last == '1' then redis.call('SADD', K.reported, worker) end
return answer
