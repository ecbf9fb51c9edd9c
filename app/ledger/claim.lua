#!lua flags=allow-oom
-- (a full ledger refuses new jobs, and can still be worked off)
-- Claim the jobs that still wait, so that each is run by one worker only.
-- KEYS[1] the pending set; KEYS[2..] one hash a job; ARGV[i] its id
-- Returns for each claimed job {id, fence, work}; a job that is unknown, taken or finished is left out.
local time = redis.call('TIME')
local now = time[1] .. '.' .. string.format('%06d', time[2])
local claimed = {}
for i = 1, #ARGV do
  local key = KEYS[i + 1]
  if redis.call('HGET', key, 'status') == 'PENDING' then
    local fence = redis.call('HINCRBY', key, 'fence', 1)
    redis.call('HSET', key, 'status', 'STARTED', 'started', now)
    redis.call('ZREM', KEYS[1], ARGV[i])
    claimed[#claimed + 1] = {ARGV[i], fence, redis.call('HGET', key, 'work')}
  end
end
return claimed
