-- Queue jobs again whose attempt gave nothing: the jobs named, if their claim is valid, or all whose lease is over.
-- ARGV: how often a job may start, seconds to keep and to remember a job that fails now, its failure (JSON),
--   1 if the attempt counts, 1 to count a lost worker, 1 if the jobs are unbatched from now on,
--   how many stops of a job's process by a signal use no attempt up (0: this is no such stop),
--   then ids and fences; without ids, expired leases
-- Returns {how many wait again, then the descriptions of those that failed}.
local most, ttl_s, tombstone_s, failure = tonumber(ARGV[1]), ARGV[2], ARGV[3], ARGV[4]
local count_attempt, worker_lost, unbatched = ARGV[5] == '1', ARGV[6] == '1', ARGV[7] == '1'
local max_stops = tonumber(ARGV[8])
local jobs = {}
if #ARGV > 8 then
  for at = 9, #ARGV, 2 do jobs[#jobs + 1] = {ARGV[at], ARGV[at + 1]} end
else
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', LEASES, '-inf', now, 'LIMIT', 0, 500)) do
    jobs[#jobs + 1] = {id, false}
  end
end
local waiting, failed = 0, {}
for _, each in ipairs(jobs) do
  local id, key = each[1], job_key(each[1])
  local state = redis.call('HMGET', key, 'status', 'fence', 'attempts', 'verb', 'node', 'created', 'committing',
    'webhook', 'seq', 'log', 'stops')
  local verb, attempts, stops = state[4], tonumber(state[3]), tonumber(state[11]) or 0
  if state[1] == 'STARTED' and (not each[2] or state[2] == each[2]) then
    collect('ZREM', LEASES, id)
    if each[2] then leave_table(state[5], id, each[2]) end  -- else the process of a silent node may still work on it
    redis.call('HINCRBY', key, 'fence', 1)
    if worker_lost then count('lost', 1) end
    if stops < max_stops then
      stops = stops + 1
      redis.call('HSET', key, 'stops', stops)
    end
    -- a job whose effect was about to become visible gets three more attempts, so that it can report the effect
    if count_attempt and attempts - stops >= most + (state[7] and 3 or 0) then
      local job = {verb = verb, webhook = state[8], seq = state[9], log = state[10]}
      finish(id, job, 'FAILURE', ttl_s, tombstone_s, {'failure', failure})
      failed[#failed + 1] = ended(id, true)
    else
      local status = count_attempt and 'RETRY' or 'PENDING'
      if count_attempt then collect('SADD', retry_key(verb), id) else attempts = attempts - 1 end
      if unbatched then redis.call('HSET', key, UNBATCHED, 1) end
      local seq, log = append_event(id, status, state[9], state[10], ',"attempts":' .. attempts)
      redis.call('HSET', key, 'status', status, 'attempts', attempts, 'seq', seq, 'log', log)
      redis.call('HDEL', key, 'progress', 'step')
      queue(id, verb, redis.call('ZSCORE', JOBS, id) or state[6], 0)  -- at its old position, also within its group
      waiting = waiting + 1
    end
  elseif state[1] ~= 'STARTED' then
    collect('ZREM', LEASES, id)
  end
end
flush()
return {waiting, unpack(failed)}
