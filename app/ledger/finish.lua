#!lua flags=allow-oom
-- (a full ledger refuses new jobs, and can still be worked off)
-- Finish jobs and tell those who wait for them; only the newest claim of a job may finish it.
-- KEYS[1] the channel; KEYS[2..] one hash a job
-- ARGV[1] seconds to keep them; then for each job: id, fence, status, version ('' for none), result, failure ('' for none)
-- Returns how many were finished.
local time = redis.call('TIME')
local now = time[1] .. '.' .. string.format('%06d', time[2])
local finished = 0
for i = 2, #KEYS do
  local at = 2 + (i - 2) * 6
  local state = redis.call('HMGET', KEYS[i], 'status', 'fence')
  if state[1] == 'STARTED' and state[2] == ARGV[at + 1] then
    redis.call('HDEL', KEYS[i], 'work')
    redis.call('HSET', KEYS[i], 'status', ARGV[at + 2], 'version', ARGV[at + 3], 'result', ARGV[at + 4],
      'failure', ARGV[at + 5], 'finished', now)
    redis.call('EXPIRE', KEYS[i], ARGV[1])
    redis.call('PUBLISH', KEYS[1], ARGV[at])
    finished = finished + 1
  end
end
return finished
