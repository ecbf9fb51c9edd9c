-- Take back jobs whose attempt came to nothing: those named, while their claim counts, or all whose lease is over.
-- ARGV: how often a job may start, seconds to keep and to remember it when that was too often, the failure then (JSON),
--   1 to take the lost attempt off the count (a job handed back), 1 to count a lost worker,
--   then ids and fences; without ids, expired leases
-- Returns how many wait again.
local most, ttl_s, tombstone_s, failure = tonumber(ARGV[1]), ARGV[2], ARGV[3], ARGV[4]
local handed_back, worker_lost = ARGV[5] == '1', ARGV[6] == '1'
local lost = {}
if #ARGV > 6 then
  for at = 7, #ARGV, 2 do lost[#lost + 1] = {ARGV[at], ARGV[at + 1]} end
else
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', LEASES, '-inf', now, 'LIMIT', 0, 500)) do lost[#lost + 1] = {id, false} end
end
local again = 0
for _, each in ipairs(lost) do
  local id, key = each[1], job_key(each[1])
  local state = redis.call('HMGET', key, 'status', 'fence', 'attempts', 'verb', 'node', 'created', 'committing')
  if state[1] == 'STARTED' and (not each[2] or state[2] == each[2]) then
    release(id, state[5])
    redis.call('HINCRBY', key, 'fence', 1)
    redis.call('HDEL', key, 'progress')
    if handed_back then
      redis.call('HINCRBY', key, 'attempts', -1)
    elseif worker_lost then
      count('lost', 1)
    end
    -- what was about to become visible is tried some times more, so that its job tells of it
    if not handed_back and tonumber(state[3]) >= most + (state[7] and 3 or 0) then
      finish(id, 'FAILURE', ttl_s, tombstone_s, {'failure', failure})
    else
      local status = handed_back and 'PENDING' or 'RETRY'
      redis.call('HSET', key, 'status', status)
      if not handed_back then redis.call('SADD', again_key(state[4]), id) end
      queue(id, state[4], redis.call('ZSCORE', JOBS, id) or state[6], 0)  -- at its place, also among those of its call
      note(id, status, ',"attempts":' .. redis.call('HGET', key, 'attempts'))
      again = again + 1
    end
  elseif state[1] ~= 'STARTED' then
    redis.call('ZREM', LEASES, id)
  end
end
tell()
return again
