-- Store how far running jobs are.
-- ARGV: for each job: id, fence, fraction
for at = 1, #ARGV, 3 do
  local id, fraction = ARGV[at], ARGV[at + 2]
  local state = redis.call('HMGET', job_key(id), 'status', 'fence', 'seq', 'log')
  if state[1] == 'STARTED' and state[2] == ARGV[at + 1] then
    local seq, log = append_event(id, 'STARTED', state[3], state[4], ',"progress":' .. fraction)
    redis.call('HSET', job_key(id), 'progress', fraction, 'seq', seq, 'log', log)
  end
end
flush()
return 1
