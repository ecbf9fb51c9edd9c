-- Store how far running jobs are, and what they do now.
-- ARGV: for each job: id, fence, fraction, step as JSON or '' for none
for at = 1, #ARGV, 4 do
  local id, fraction, step = ARGV[at], ARGV[at + 2], ARGV[at + 3]
  local state = redis.call('HMGET', job_key(id), 'status', 'fence', 'seq', 'log')
  if state[1] == 'STARTED' and state[2] == ARGV[at + 1] then
    local extra = ',"progress":' .. fraction .. (step ~= '' and ',"step":' .. step or '')
    local seq, log = append_event(id, 'STARTED', state[3], state[4], extra)
    redis.call('HSET', job_key(id), 'progress', fraction, 'step', step, 'seq', seq, 'log', log)
  end
end
flush()
return 1
