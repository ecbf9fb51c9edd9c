-- Finish jobs. Only the newest claim of a job may do so; any other is refused.
-- ARGV: node of the claims, seconds to keep them, seconds to remember them, then for each job: id, fence, status,
--   version ('' to keep it), result, reference to a result kept elsewhere, failure ('' for none), seconds it took ('' for unknown), the upper bound
--   of the histogram's bucket for that time, rows
-- Returns for each job 1, or 0 when it was refused.
local node, ttl_s, tombstone_s = ARGV[1], ARGV[2], ARGV[3]
local done, means = {}, {}

-- Count the time and the rows of a job, and keep a moving mean of the time for each verb.
local function count_time(verb, model, took_s, bucket, rows)
  local of = verb .. ':' .. model
  count('seconds:' .. of, took_s)
  count('bucket:' .. of .. ':' .. bucket, 1)
  count('rows:' .. of, rows)
  local mean = means[verb] or tonumber(redis.call('HGET', pace_key(verb), 'service_s') or took_s)
  means[verb] = mean + 0.1 * (took_s - mean)
end

for at = 4, #ARGV, 10 do
  local id, fence, status = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local state = redis.call('HMGET', job_key(id), 'status', 'fence', 'verb', 'model', 'webhook', 'seq', 'log')
  leave_table(node, id, fence)
  if state[1] == 'STARTED' and state[2] == fence then
    collect('ZREM', LEASES, id)
    local fields = {}
    for offset, name in pairs({[3] = 'version', [4] = 'result', [5] = 'result_ref', [6] = 'failure'}) do
      if ARGV[at + offset] ~= '' then fields[#fields + 1], fields[#fields + 2] = name, ARGV[at + offset] end
    end
    finish(id, {verb = state[3], webhook = state[5], seq = state[6], log = state[7]}, status, ttl_s, tombstone_s, fields)
    local took_s = tonumber(ARGV[at + 7])
    if took_s then count_time(state[3], state[4], took_s, ARGV[at + 8], tonumber(ARGV[at + 9])) end
    done[#done + 1] = 1
  else  -- 1 when the answer to a first call was lost
    done[#done + 1] = (state[1] == status and state[2] == fence) and 1 or 0
  end
end
for verb, mean in pairs(means) do redis.call('HSET', pace_key(verb), 'service_s', mean) end
flush()
return done
