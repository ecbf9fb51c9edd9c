-- Finish jobs; only the newest claim of a job may, everybody else comes too late.
-- ARGV: seconds to keep them, seconds to remember them, then for each job: id, fence, status, version ('' for what it was),
--   result, reference to a result kept elsewhere, failure ('' for none), seconds it took ('' for unknown), the bound of
--   the histogram's bucket that this falls into, rows it did
-- Returns for each job 1, or 0 when it came too late.
local done = {}
for at = 3, #ARGV, 10 do
  local id, key = ARGV[at], job_key(ARGV[at])
  local state = redis.call('HMGET', key, 'status', 'fence', 'verb', 'node', 'model')
  if state[1] == 'STARTED' and state[2] == ARGV[at + 1] then
    release(id, state[4])
    local fields = {'result', ARGV[at + 4], 'failure', ARGV[at + 6]}
    for name, value in pairs({version = ARGV[at + 3], result_ref = ARGV[at + 5]}) do
      if value ~= '' then fields[#fields + 1], fields[#fields + 2] = name, value end
    end
    if ARGV[at + 2] == 'SUCCESS' then redis.call('HDEL', key, 'work', 'work_ref') end  -- a failure may be retried
    finish(id, ARGV[at + 2], ARGV[1], ARGV[2], fields)
    local pace = 'trinity:pace:' .. state[3]
    local took_s = tonumber(ARGV[at + 7])
    if took_s then
      local of = state[3] .. ':' .. state[5]
      count('seconds:' .. of, took_s)
      count('bucket:' .. of .. ':' .. ARGV[at + 8], 1)
      count('rows:' .. of, tonumber(ARGV[at + 9]))
      local mean = tonumber(redis.call('HGET', pace, 'service_s') or took_s)
      redis.call('HSET', pace, 'service_s', mean + 0.1 * (took_s - mean))
    end
    done[#done + 1] = 1
  else  -- 1 when the answer to a first call was lost
    done[#done + 1] = (state[1] == ARGV[at + 2] and state[2] == ARGV[at + 1]) and 1 or 0
  end
end
tell()
return done
